"""An idle emulator's use of a core, and how soon a task that is due leaves an idle queue.

The first is the server's CPU time from /proc over a window in which nobody calls it. For the second, tasks
are created one at a time, each after the one before was received: from the moment the create was answered to
the moment the request was read at the receiver, both by the clock of this process (0 where it came first).
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.emulator.load import Load, make_queues, tasks_client
from benchmarks.emulator.receiver import receiving
from benchmarks.processes import cpu_seconds, python, sidelane_up
from benchmarks.rounds import Figure, Options

TASKS = 500
CORE_TARGET = 1.0
LATENCY_TARGET = 20.0


async def run(options: Options, console: Console) -> list[Figure]:
    window = options.seconds * options.rounds
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        receiver = await stack.enter_async_context(receiving())
        server = await stack.enter_async_context(python(*sidelane_up(folder)))
        await asyncio.sleep(2)  # what its start still does
        before = cpu_seconds(server.pid)
        await asyncio.sleep(window)
        core = 100 * (cpu_seconds(server.pid) - before) / window

        client = await stack.enter_async_context(tasks_client(server.fields["tasks"]))
        load = Load(client, await make_queues(client, 1), receiver.url)
        waits = []
        for number in range(TASKS):
            await load.create()
            answered = time.monotonic()
            await receiver.received(number + 1, within=10)
            waits.append(max(0.0, receiver.times[-1] - answered))
            await asyncio.sleep(0.01)  # idle again
    waits.sort()
    p50, p99 = waits[TASKS // 2], waits[TASKS * 99 // 100]
    console.print(
        f"idle: {core:.2f} % of a core over {window:g} s; from create to dispatch, of {TASKS}: "
        f"median {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, most {waits[-1] * 1e3:.1f} ms; "
        f"load average {os.getloadavg()[0]:.2f}"
    )
    return [
        Figure(name="idle: use of a core", value=core, target=CORE_TARGET, unit="%", at_most=True),
        Figure(
            name="idle: due to left, p99", value=p99 * 1e3, target=LATENCY_TARGET, unit="ms", at_most=True
        ),
    ]
