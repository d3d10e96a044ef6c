"""Looks at the queues of the catalog as Cloud Tasks has them; pauses, resumes, purges them. Runs no task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from contracts import Catalog
from producers import Connection, NotOpen, ProducerSettings, UnknownQueue

T = TypeVar("T")

COUNTED = 1000
"""Waiting tasks that are counted at most: Cloud Tasks tells no number, and lists so many at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """One queue of Cloud Tasks: a queue of the catalog, or its `-retry` sibling."""

    name: str
    state: str
    """As Cloud Tasks says it: RUNNING, PAUSED, DISABLED; or MISSING."""
    max_dispatches_per_second: float
    max_concurrent_dispatches: int
    differs: tuple[str, ...] = ()
    """Settings in which Cloud Tasks differs from the catalog: Terraform mends that."""


class CloudQueues:
    """One client for one event loop. Every call ends within the enqueue deadline."""

    def __init__(self, settings: ProducerSettings, catalog: Catalog) -> None:
        self._parent = f"projects/{settings.project}/locations/{settings.location}"
        self._catalog = catalog
        self._connection = Connection(
            host=CloudTasksAsyncClient.DEFAULT_ENDPOINT,
            emulator=settings.cloud_tasks_emulator_host,
            deadline=settings.enqueue_deadline,
            sleep=asyncio.sleep,
            missing=UnknownQueue,
        )
        self._client: CloudTasksAsyncClient | None = None

    async def open(self) -> None:
        channel = await self._connection.open()
        self._client = CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))

    async def aclose(self) -> None:
        self._client = None
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def statuses(self) -> tuple[QueueStatus, ...]:
        """Every queue of the catalog, each followed by its sibling. Raises `ProducerError`."""

        async def listed(client: CloudTasksAsyncClient, options: dict[str, Any]) -> dict[str, Queue]:
            pager = await client.list_queues(request={"parent": self._parent}, **options)
            return {queue.name.rpartition("/")[2]: queue async for queue in pager}

        there = await self._call("list queues", listed)
        return tuple(
            QueueStatus(
                name=wanted.name,
                state=there[wanted.name].state.name if wanted.name in there else "MISSING",
                max_dispatches_per_second=wanted.rate_limits.max_dispatches_per_second,
                max_concurrent_dispatches=wanted.rate_limits.max_concurrent_dispatches,
                differs=_differs(wanted.rate_limits.model_dump(), there.get(wanted.name)),
            )
            for wanted in self._catalog.cloud_tasks_queues()
        )

    async def waiting(self, name: str) -> int:
        """Tasks in this queue, at most `COUNTED`. Raises `UnknownQueue`, `ProducerError`."""
        request = {"parent": self._full(name), "page_size": COUNTED}

        async def count(client: CloudTasksAsyncClient, options: dict[str, Any]) -> int:
            pager = await client.list_tasks(request=request, **options)
            async for page in pager.pages:
                return len(page.tasks)
            return 0

        return await self._call(f"count the tasks of {name}", count)

    async def pause(self, name: str) -> str:
        """Dispatch nothing more; tasks are still taken. Returns the state. Raises as `waiting`.

        A queue that is paused for 31 days loses its tasks.
        """
        full = self._full(name)
        return await self._call(
            f"pause {name}", lambda client, options: _state(client.pause_queue(name=full, **options))
        )

    async def resume(self, name: str) -> str:
        """Dispatch again. Returns the state. Raises as `waiting`."""
        full = self._full(name)
        return await self._call(
            f"resume {name}", lambda client, options: _state(client.resume_queue(name=full, **options))
        )

    async def purge(self, name: str) -> str:
        """Delete every task of the queue: none of them is executed or becomes a dead letter. Raises as
        `waiting`."""
        full = self._full(name)
        return await self._call(
            f"purge {name}", lambda client, options: _state(client.purge_queue(name=full, **options))
        )

    def _full(self, name: str) -> str:
        known = [queue.name for queue in self._catalog.cloud_tasks_queues()]
        if name not in known:
            raise UnknownQueue(f"the catalog has no queue {name!r}; it has: {', '.join(known)}")
        return f"{self._parent}/queues/{name}"

    async def _call(
        self, what: str, call: Callable[[CloudTasksAsyncClient, dict[str, Any]], Awaitable[T]]
    ) -> T:
        client = self._client
        if client is None:
            raise NotOpen
        options: dict[str, Any] = {"retry": None, "timeout": self._connection.attempt_timeout}
        return await self._connection.call(what, lambda: call(client, options))


async def _state(call: Awaitable[Queue]) -> str:
    return str((await call).state.name)


def _differs(wanted: Mapping[str, float], there: Queue | None) -> tuple[str, ...]:
    if there is None:
        return ()
    return tuple(name for name, value in wanted.items() if getattr(there.rate_limits, name) != value)
