"""Serves the calls on tasks: on disk first, then in memory, then to the dispatcher; it sends nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import islice

from emulator.engine import names
from emulator.engine.clock import Clock
from emulator.store import Store
from emulator.tasks import tables
from emulator.tasks.buffered_task import buffered_task
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.messages import BASIC, Pb
from emulator.tasks.new_task import insert, new_task
from emulator.tasks.queues import Queues
from emulator.tasks.tables import TaskRow
from emulator.tasks.task_resource import answered_task, task_of
from emulator.tasks.tombstones import Tombstones, task_gone

_PAGE_BYTES = 3 * 2**20
"""Of stored tasks in one page of a list, so that the answer stays under gRPC's default limit of 4 MiB."""


class Tasks:
    """The tasks of all queues. Every call returns after what it changed is on disk."""

    def __init__(
        self, store: Store, clock: Clock, dispatcher: Dispatcher, queues: Queues, *, tombstone_ttl: float
    ) -> None:
        """`tombstone_ttl`: seconds for which the name of a task that ended stays taken."""
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._queues = queues
        self._tombstones = Tombstones(tombstone_ttl)

    async def create(self, queue_name: str, given: Pb, view: int) -> Pb:
        """Raises InvalidArgumentError, NOT_FOUND (the queue) or ALREADY_EXISTS (the name)."""
        queue = self._queues.get(queue_name)
        new = new_task(queue, given, now=self._clock.now())

        def wait(key: int) -> None:
            self._dispatcher.add(queue, new.row(key))

        await self._store.write(lambda connection: insert(connection, new, self._tombstones), wait)
        return answered_task(new.message, view)

    async def buffer(
        self,
        queue_name: str,
        task_id: str | None,
        *,
        method: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> Pb:
        """Create the task of a raw HTTP request, as BufferTask does; what to call is the queue's to say.

        Raises what `create` raises, or FAILED_PRECONDITION for a queue without http_target.
        """
        queue = self._queues.get(queue_name)
        name = f"{queue_name}/tasks/{task_id}" if task_id else ""
        task = buffered_task(queue.message, name, method=method, headers=headers, body=body)
        return await self.create(queue_name, task, BASIC)

    async def get(self, name: str, view: int) -> Pb:
        """Raises InvalidArgumentError, or NOT_FOUND."""
        queue, task_id = self._find_queue(name)
        row = await self._store.read(lambda connection: tables.find_task(connection, queue.key, task_id))
        return self._answer(queue, self._tombstones.require(row, self._clock.now()), view)

    async def page(
        self, queue_name: str, view: int, *, after: int, limit: int
    ) -> tuple[list[Pb], int | None]:
        """At most `limit` tasks of the queue, beginning after the key `after`, and the key to go on after.

        Raises InvalidArgumentError, or NOT_FOUND for the queue.
        """
        queue = self._queues.get(queue_name)

        def read(connection: sqlite3.Connection) -> tuple[list[TaskRow], bool]:
            rows = tables.pending_after(connection, queue.key, after, limit + 1)
            page: list[TaskRow] = []
            size = 0
            for row in islice(rows, limit):
                size += len(row.message)
                if page and size > _PAGE_BYTES:
                    return page, True
                page.append(row)
            return page, next(rows, None) is not None

        rows, more = await self._store.read(read)
        return [self._answer(queue, row, view) for row in rows], rows[-1].key if more else None

    async def delete(self, name: str) -> None:
        """Raises InvalidArgumentError, or NOT_FOUND."""
        queue, task_id = self._find_queue(name)
        now = self._clock.now()

        def delete(connection: sqlite3.Connection) -> int:
            row = self._tombstones.require(tables.find_task(connection, queue.key, task_id), now)
            tables.end_task(connection, row.key, now=now)
            return row.key

        def forget(key: int) -> None:
            queue.dispatch.discard(key)
            self._dispatcher.look(queue)

        await self._store.write(delete, forget)

    async def run(self, name: str, view: int) -> Pb:
        """Attempt the task at once, and answer it as it is then; the target is not waited for.

        Raises InvalidArgumentError, NOT_FOUND, or RESOURCE_EXHAUSTED.
        """
        queue, task_id = self._find_queue(name)
        found = await self._store.read(lambda connection: tables.find_task(connection, queue.key, task_id))
        row = self._tombstones.require(found, self._clock.now())
        if not self._dispatcher.force(queue, row):
            raise task_gone()
        return self._answer(queue, row, view)

    def _find_queue(self, task_name: str) -> tuple[LiveQueue, str]:
        queue_name, task_id = names.split_task(task_name)
        return self._queues.get(queue_name), task_id

    def _answer(self, queue: LiveQueue, row: TaskRow, view: int) -> Pb:
        return task_of(row, view, under_way=queue.dispatch.under_way(row.key))
