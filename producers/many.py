"""Creates many tasks in few calls: a hundred at a time where the service can, one by one where it cannot.

A batch is not atomic: each of its tasks is created, known already, or has a fault of its own. What a batch
says nothing final about is tried alone, and ends as a single task does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from contracts import Envelope, Task
from producers.errors import ProducerError, Unreachable
from producers.services import TaskService

MAX_BATCH = 100
"""Tasks of one BatchCreateTasks (documented limit)."""
MAX_BATCH_BYTES = 3 * 1024 * 1024
"""Of their envelopes: below what one call of gRPC carries by default, 4 MiB."""
WORKERS = 4
"""Hundreds of tasks under way at once."""
CONCURRENCY = 64
"""Single creates under way at once; one HTTP/2 connection carries about a hundred."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task that is ready to be created."""

    task: Task
    envelope: Envelope
    cloud_queue: str
    request: Any
    """google.cloud.tasks.v2.CreateTaskRequest"""


@dataclass
class Many:
    """One call of `enqueue_many`."""

    prepare: Callable[[Task], Awaitable[Prepared]]
    service: TaskService
    created: dict[int, tuple[Prepared, bool]] = field(default_factory=dict)
    """By place: what was created, or was known already (False)."""
    failures: dict[int, ProducerError] = field(default_factory=dict)
    away: Unreachable | None = None
    """Set once the service is found away: the rest is not tried."""
    singles: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONCURRENCY))

    async def run(self, tasks: Iterable[Task]) -> None:
        numbered = iter(list(enumerate(tasks)))

        async def work() -> None:
            while window := dict(islice(numbered, MAX_BATCH)):
                await self._window(window)

        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(work())

    async def _window(self, window: dict[int, Task]) -> None:
        queues: dict[str, dict[int, Prepared]] = {}
        for place, task in window.items():
            try:
                self._stop_if_away()
                prepared = await self.prepare(task)
            except ProducerError as error:
                self._failed([place], error)
            else:
                queues.setdefault(prepared.cloud_queue, {})[place] = prepared
        for waiting in queues.values():
            for batch in _batches(waiting):
                await self._batch(batch)

    async def _batch(self, batch: dict[int, Prepared]) -> None:
        alone = batch
        if len(batch) > 1:
            try:
                self._stop_if_away()
                results = await self.service.create_many([each.request for each in batch.values()])
            except ProducerError as error:
                self._failed(batch, error)
                return
            told = dict(zip(batch, results, strict=True))
            self.created.update(
                {place: (batch[place], created) for place, created in told.items() if created is not None}
            )
            alone = {place: batch[place] for place, created in told.items() if created is None}
        await asyncio.gather(*(self._single(place, prepared) for place, prepared in alone.items()))

    async def _single(self, place: int, prepared: Prepared) -> None:
        async with self.singles:
            try:
                self._stop_if_away()
                self.created[place] = prepared, await self.service.create(prepared.request)
            except ProducerError as error:
                self._failed([place], error)

    def _failed(self, places: Iterable[int], error: ProducerError) -> None:
        self.failures.update(dict.fromkeys(places, error))
        if isinstance(error, Unreachable) and self.away is None:
            self.away = Unreachable(f"not tried, since the service is away: {error}")

    def _stop_if_away(self) -> None:
        if self.away is not None:
            raise self.away


def _batches(waiting: dict[int, Prepared]) -> Iterator[dict[int, Prepared]]:
    batch: dict[int, Prepared] = {}
    size = 0
    for place, prepared in waiting.items():
        more = len(prepared.request.task.http_request.body)
        if batch and size + more > MAX_BATCH_BYTES:
            yield batch
            batch, size = {}, 0
        batch[place] = prepared
        size += more
    yield batch
