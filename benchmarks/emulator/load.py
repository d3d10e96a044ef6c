"""Creates tasks through Google's generated async client, so many in flight; it measures only how many."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc.aio
from google.cloud.tasks_v2 import (
    CloudTasksAsyncClient,
    CreateTaskRequest,
    HttpRequest,
    Queue,
    RateLimits,
    Task,
)
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

LOCATION = "projects/sidelane-local/locations/us-central1"
IN_FLIGHT = 64
BODY = os.urandom(1000)


@asynccontextmanager
async def tasks_client(address: str) -> AsyncIterator[CloudTasksAsyncClient]:
    """The generated client as anybody would build it against another address."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))


async def make_queues(
    client: CloudTasksAsyncClient, count: int, *, paused: bool = False, limits: RateLimits | None = None
) -> list[str]:
    """Create `bench-0` and so on with default settings, but for `limits`; their full names."""
    queues = [f"{LOCATION}/queues/bench-{number}" for number in range(count)]
    for name in queues:
        await client.create_queue(parent=LOCATION, queue=Queue(name=name, rate_limits=limits))
        if paused:
            await client.pause_queue(name=name)
    return queues


class Load:
    """Named tasks of 1 kB, spread over the queues, `IN_FLIGHT` creates at a time."""

    def __init__(self, client: CloudTasksAsyncClient, queues: Sequence[str], url: str) -> None:
        self._client = client
        self._queues = itertools.cycle(queues)
        self._url = url
        self._run = os.urandom(4).hex()
        self._numbers = itertools.count()

    async def for_seconds(self, seconds: float) -> float:
        """Create for so long. Returns creates answered a second."""
        began = time.monotonic()
        until = began + seconds

        async def worker() -> int:
            created = 0
            while time.monotonic() < until:
                await self.create()
                created += 1
            return created

        counts = await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
        return sum(counts) / (time.monotonic() - began)

    async def count(self, count: int) -> None:
        """Create so many."""
        left = iter(range(count))

        async def worker() -> None:
            for _ in left:
                await self.create()

        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))

    def next_name(self) -> tuple[str, str]:
        """A queue, and the name of a new task in it."""
        queue = next(self._queues)
        return queue, f"{queue}/tasks/{self._run}-{next(self._numbers)}"

    async def create(self) -> None:
        """Create one."""
        queue, name = self.next_name()
        task = Task(
            name=name,
            http_request=HttpRequest(url=self._url, headers={"Content-Type": "application/json"}, body=BODY),
        )
        await self._client.create_task(
            CreateTaskRequest(parent=queue, task=task, response_view=Task.View.FULL)
        )
