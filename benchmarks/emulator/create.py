"""Durable CreateTask against a bare `grpc.aio` server that only echoes.

Both are driven by the generated async client with named tasks of 1 kB, 64 in flight; both answer the full
task. Ours validates, claims the name and commits to disk before it answers; its queue is paused. Client, ours
and the echo are a process each.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.emulator.load import Load, make_queues, tasks_client
from benchmarks.processes import python, sidelane_up
from benchmarks.rounds import Figure, Options, Side, compare

TARGET = 0.6
SLICES = 6
"""Of a round, so that what else the machine does hits both."""
URL = "http://127.0.0.1:9/tasks"


async def run(options: Options, console: Console) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        ours = await stack.enter_async_context(python(*sidelane_up(folder)))
        echo = await stack.enter_async_context(python("-m", "benchmarks.emulator.echo_server"))
        our_client = await stack.enter_async_context(tasks_client(ours.fields["tasks"]))
        echo_client = await stack.enter_async_context(tasks_client(echo.fields["tasks"]))
        queues = await make_queues(our_client, 1, paused=True)
        our_load, echo_load = Load(our_client, queues, URL), Load(echo_client, queues, URL)
        for load in (our_load, echo_load):
            await load.for_seconds(1)  # warms up both
        figure = await compare(
            "create",
            Side(label="ours", measure=lambda: our_load.for_seconds(options.seconds / SLICES)),
            Side(label="echo", measure=lambda: echo_load.for_seconds(options.seconds / SLICES)),
            unit="creates/s",
            target=TARGET,
            rounds=options.rounds,
            console=console,
            slices=SLICES,
        )
        return [figure]
