"""The embedded emulator against our own server mode: create, dispatch, complete, durable in both.

Embedded: `Emulator` in this process without ports, on a folder on disk, and an `EmbeddedSender` that hands
tasks to a bare ASGI app. Tasks are created in two ways, each a figure: by calling the service with request
messages ("direct": the emulator alone, full validation), and by Google's generated async client on the
emulator's own channel, as a test's fixtures have it ("client": over 100 us of each task are the client's).
Server mode is what `through` measures: the same client over gRPC, dispatches over HTTP, the server a process
of its own. In all, named tasks of 1 kB, 64 creates in flight, eight queues; a measurement ends when every
task has ended on disk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.cloud.tasks_v2 import CloudTasksAsyncClient
from rich.console import Console

from benchmarks.emulator.load import BODY, Load, make_queues, tasks_client
from benchmarks.emulator.receiver import receiving
from benchmarks.emulator.through import QUEUES, Through
from benchmarks.processes import python, sidelane_up
from benchmarks.rounds import Figure, Options, Side, compare
from emulator import EmbeddedSender, Emulator, EmulatorSettings
from emulator.clients import cloud_tasks_client

TARGET = 3.0
SLICES = 3
"""Of a round."""
URL = "http://app.example/tasks"


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app that answers 200."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class DirectLoad(Load):
    """The same load by calls of the service, with request messages made for each."""

    def __init__(self, emulator: Emulator, client: CloudTasksAsyncClient, queues: Sequence[str]) -> None:
        super().__init__(client, queues, URL)
        methods = emulator.tasks.methods()["google.cloud.tasks.v2.CloudTasks"]
        self._request_class, self._create_task = methods["CreateTask"]

    async def create(self) -> None:
        queue, name = self.next_name()
        request = self._request_class(parent=queue)
        request.task.name = name
        request.task.http_request.url = URL
        request.task.http_request.headers["Content-Type"] = "application/json"
        request.task.http_request.body = BODY
        await self._create_task(request)


class Embedded:
    """The emulator of this process under the same load."""

    def __init__(self, emulator: Emulator, load: Load) -> None:
        self._emulator = emulator
        self._load = load

    async def rate(self, count: int) -> float:
        """Let `count` tasks through. Returns tasks a second."""
        began = time.monotonic()
        await self._load.count(count)
        await self._emulator.tasks.drained()
        return count / (time.monotonic() - began)


async def run(options: Options, console: Console) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        receiver = await stack.enter_async_context(receiving())
        server = await stack.enter_async_context(python(*sidelane_up(folder / "server")))
        client = await stack.enter_async_context(tasks_client(server.fields["tasks"]))
        served = Through(client, await make_queues(client, QUEUES), receiver)
        sender = EmbeddedSender(app)
        stack.push_async_callback(sender.aclose)
        settings = EmulatorSettings(
            data_dir=folder / "embedded", tasks_port=None, pubsub_port=None, http_port=None
        )
        emulator = await stack.enter_async_context(Emulator(settings, sender=sender))
        own = await cloud_tasks_client(emulator.channel)
        queues = await make_queues(own, QUEUES)
        direct = Embedded(emulator, DirectLoad(emulator, own, queues))
        by_client = Embedded(emulator, Load(own, queues, URL))
        count, embedded_count = (max(100, round(n * options.seconds / SLICES)) for n in (1000, 3000))
        for side in (served, direct, by_client):
            await side.rate(500)  # warms up all
        server_side = Side(label="server", measure=lambda: served.rate(count))
        sides = (
            Side(label="direct", measure=lambda: direct.rate(embedded_count)),
            Side(label="client", measure=lambda: by_client.rate(embedded_count)),
        )
        return [
            await compare(
                f"embedded, {side.label}",
                side,
                server_side,
                unit="tasks/s",
                target=TARGET,
                rounds=options.rounds,
                console=console,
                slices=SLICES,
            )
            for side in sides
        ]
