"""Queues, tasks and dispatcher alone, on a store whose writes can be made to fail."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from google.cloud.tasks_v2 import Queue, RetryConfig, Task

from emulator import Clock, Sender, StoreError
from emulator.oidc import TokenIssuer
from emulator.store import Job, Store
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.queues import Queues
from emulator.tasks.tasks import Tasks
from tests.emulator.running import QUEUE, task

T = TypeVar("T")


class FailingStore:
    """A store whose next writes fail, as on a full disk, or its next reads, as on a broken one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failures = 0
        self.read_failures = 0

    async def read(self, job: Job[T]) -> T:
        if self.read_failures:
            self.read_failures -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return await self._store.read(job)

    async def write(self, job: Job[T], then: Callable[[T], object] | None = None) -> T:
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        return await self._store.write(job, then)


class Bench:
    """Queues, tasks and dispatcher without the sweep, so that every timer is the dispatcher's."""

    def __init__(self, store: Store, clock: Clock, issuer: TokenIssuer, sender: Sender) -> None:
        self.store, self.issuer = store, issuer
        self.failing = FailingStore(store)
        on_disk: Any = self.failing
        self.dispatcher = Dispatcher(on_disk, clock, sender, issuer, max_in_flight=8, max_forced=2)
        self.queues = Queues(store, clock, self.dispatcher, tombstone_ttl=0)
        self.tasks = Tasks(store, clock, self.dispatcher, self.queues, tombstone_ttl=0)

    async def ensure(self, *queues: Queue) -> None:
        await self.queues.ensure([Queue.pb(queue) for queue in queues])

    async def create(
        self, name: str, queue_name: str = QUEUE, retry_config: RetryConfig | None = None
    ) -> None:
        made = task(f"{queue_name}/tasks/{name}")
        if retry_config is not None:
            made.retry_config = retry_config
        await self.tasks.create(queue_name, Task.pb(made), 1)

    async def pending(self) -> list[str]:
        """The ids of the tasks that have not ended."""

        def read(connection: sqlite3.Connection) -> list[str]:
            return [row[0] for row in connection.execute("SELECT task_id FROM tasks WHERE ended_at IS NULL")]

        return await self.store.read(read)
