"""The embedded emulator against our own server mode: create, dispatch, complete, durable in both.

Embedded: store, dispatcher and a bare ASGI app live in this process. Tasks are created by calling the service
in process, with a request message and full validation; they go to the app without a socket. Server mode is
what `through` measures: Google's async client over gRPC, dispatches over HTTP, the server a process of its
own. In both, 64 creates are in flight, and a measurement ends when every task has ended on disk.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.cloud.tasks_v2.types import cloudtasks
from google.cloud.tasks_v2.types import queue as queue_types
from rich.console import Console

from benchmarks.emulator.load import BODY, IN_FLIGHT, LOCATION, make_queues, tasks_client
from benchmarks.emulator.receiver import receiving
from benchmarks.emulator.through import QUEUES, Through
from benchmarks.processes import python, sidelane_up
from benchmarks.rounds import Figure, Options, Side, compare
from emulator import EmbeddedSender, SystemClock, TasksSettings
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks import SCHEMA, TasksService

TARGET = 3.0
_Request: Any = cloudtasks.CreateTaskRequest.pb()


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app that answers 200."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Embedded:
    """Cloud Tasks in this process."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        self._store = Store(folder / "emulator.db", schema=SCHEMA)
        self._issuer = TokenIssuer(folder / "oidc-key.pem", clock=clock)
        self._service = TasksService(
            self._store,
            clock=clock,
            issuer=self._issuer,
            sender=EmbeddedSender(app),
            settings=TasksSettings(),
        )
        self._create_task = self._service.methods()["google.cloud.tasks.v2.CloudTasks"]["CreateTask"][1]
        self._queues = [f"{LOCATION}/queues/bench-{number}" for number in range(QUEUES)]
        self._numbers = itertools.count()
        self._run = os.urandom(4).hex()

    async def open(self) -> None:
        await self._store.open()
        await self._issuer.open()
        queue = queue_types.Queue.pb()
        await self._service.open([queue(name=name) for name in self._queues])

    async def aclose(self) -> None:
        await self._service.aclose()
        await self._store.aclose()

    async def rate(self, count: int) -> float:
        """Let `count` tasks through. Returns tasks a second."""
        goal = self._service.statistics().completed_total + count
        left = iter(range(count))

        async def worker() -> None:
            for _ in left:
                await self._create()

        began = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        while (now := self._service.statistics()).completed_total < goal or now.in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return count / (time.monotonic() - began)

    async def _create(self) -> None:
        number = next(self._numbers)
        queue = self._queues[number % QUEUES]
        request = _Request(parent=queue)
        request.task.name = f"{queue}/tasks/{self._run}-{number}"
        request.task.http_request.url = "http://app.example/tasks"
        request.task.http_request.headers["Content-Type"] = "application/json"
        request.task.http_request.body = BODY
        await self._create_task(request)


async def run(options: Options, console: Console) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        receiver = await stack.enter_async_context(receiving())
        server = await stack.enter_async_context(python(*sidelane_up(folder / "server")))
        client = await stack.enter_async_context(tasks_client(server.fields["tasks"]))
        served = Through(client, await make_queues(client, QUEUES), receiver)
        embedded = Embedded(folder / "embedded")
        await embedded.open()
        stack.push_async_callback(embedded.aclose)
        count, embedded_count = round(1000 * options.seconds), round(3000 * options.seconds)
        for side in (served, embedded):
            await side.rate(500)  # warms up both
        return [
            await compare(
                "embedded",
                Side(label="embedded", measure=lambda: embedded.rate(embedded_count)),
                Side(label="server", measure=lambda: served.rate(count)),
                unit="tasks/s",
                target=TARGET,
                rounds=options.rounds,
                console=console,
            )
        ]
