"""A running emulator for tests: any free ports, a folder of its own, and Google's client on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
from google.cloud.tasks_v2 import CloudTasksAsyncClient, HttpRequest, Queue, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from emulator import Emulator, EmulatorSettings

LOCATION = "projects/sidelane-local/locations/us-central1"
QUEUE = f"{LOCATION}/queues/webhooks"
OTHER_QUEUE = f"{LOCATION}/queues/other"
URL = "http://target.example/tasks/webhook?a=1"

Running = Callable[..., AbstractAsyncContextManager[Emulator]]
"""`running(**options of Emulator, **fields of EmulatorSettings)`: in the test's folder, on any ports."""


def queue(name: str = QUEUE, **fields: Any) -> Queue:
    return Queue(name=name, **fields)


def task(name: str = "", url: str = URL, body: bytes = b"", **fields: Any) -> Task:
    full_name = f"{QUEUE}/tasks/{name}" if name and "/" not in name else name
    return Task(name=full_name, http_request=HttpRequest(url=url, body=body, **fields))


def running_in(folder: Path) -> Running:
    @asynccontextmanager
    async def running(
        *, clock: Any = None, sender: Any = None, queues: Any = (), topics: Any = (), **settings: Any
    ) -> AsyncIterator[Emulator]:
        ports = {"tasks_port": 0, "pubsub_port": 0, "http_port": 0}
        emulator = Emulator(
            EmulatorSettings(**{"data_dir": folder, **ports, **settings}),
            queues=queues,
            topics=topics,
            clock=clock,
            sender=sender,
        )
        await emulator.open()
        try:
            yield emulator
        finally:
            await emulator.aclose()

    return running


@asynccontextmanager
async def tasks_client(address: str) -> AsyncIterator[CloudTasksAsyncClient]:
    """The generated client as anybody would build it against another address."""
    async with grpc.aio.insecure_channel(address) as channel:
        transport = CloudTasksGrpcAsyncIOTransport(channel=channel)
        yield await asyncio.to_thread(
            CloudTasksAsyncClient, transport=transport
        )  # looks for certificate files
