"""Serves the calls on tasks: on disk first, then in memory, then to the dispatcher; it sends nothing."""

from __future__ import annotations

import sqlite3
from itertools import islice

import grpc

from emulator.engine import names
from emulator.engine.clock import Clock
from emulator.errors import ApiError
from emulator.store import Store
from emulator.tasks import tables
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.messages import Pb
from emulator.tasks.queues import Queues, queue_not_found
from emulator.tasks.tables import TaskRow
from emulator.tasks.task_resource import answered_task, stored_task, task_of

_PAGE_BYTES = 3 * 2**20
"""Of stored tasks in one page of a list, so that the answer stays under gRPC's default limit of 4 MiB."""

_NAME_TAKEN = "Requested entity already exists"
_NAME_TAKEN_RECENTLY = (
    "The task cannot be created because a task with this name existed too recently. For more information "
    "about task de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/"
    "projects.locations.queues.tasks/create#body.request_body.FIELDS.task."
)
_NOT_FOUND = "Requested entity was not found."
_GONE = (
    "The task no longer exists, though a task with this name existed recently. "
    "The task either successfully completed or was deleted."
)


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
        self._tombstone_ttl = tombstone_ttl

    async def create(self, queue_name: str, given: Pb, view: int) -> Pb:
        """Raises InvalidArgumentError, UNIMPLEMENTED, NOT_FOUND (the queue) or ALREADY_EXISTS (the name)."""
        queue = self._queues.get(queue_name)
        named = bool(given.name)
        task_id = names.task_id_under(given.name, queue_name) if named else names.generate_task_id()
        now = self._clock.now()
        name = f"{queue_name}/tasks/{task_id}"
        task = stored_task(given, name, queue_retry=queue.settings.retry, now=now)
        schedule_time = task.schedule_time.ToMicroseconds() / 1e6
        message = task.SerializeToString()

        def insert(connection: sqlite3.Connection) -> int:
            if named:
                self._claim_name(connection, queue, task_id, now)
            try:
                return tables.insert_task(
                    connection,
                    queue=queue.key,
                    task_id=task_id,
                    created_at=now,
                    schedule_time=schedule_time,
                    message=message,
                )
            except sqlite3.IntegrityError as exc:  # the queue was deleted since
                raise queue_not_found() from exc

        key = await self._store.write(insert)
        queue.dispatch.add(key, schedule_time)
        self._dispatcher.look(queue)
        return answered_task(task, view)

    async def get(self, name: str, view: int) -> Pb:
        """Raises InvalidArgumentError, or NOT_FOUND."""
        queue, task_id = self._find_queue(name)
        row = await self._store.read(lambda connection: tables.find_task(connection, queue.key, task_id))
        return self._answer(queue, self._require(row, self._clock.now()), view)

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
            row = self._require(tables.find_task(connection, queue.key, task_id), now)
            tables.end_task(connection, row.key, now=now)
            return row.key

        queue.dispatch.discard(await self._store.write(delete))

    def _find_queue(self, task_name: str) -> tuple[LiveQueue, str]:
        queue_name, task_id = names.split_task(task_name)
        return self._queues.get(queue_name), task_id

    def _require(self, row: TaskRow | None, now: float) -> TaskRow:
        """The row of a task that exists."""
        if row is None or (row.ended_at is not None and self._is_free(row.ended_at, now)):
            raise ApiError(grpc.StatusCode.NOT_FOUND, _NOT_FOUND)
        if row.ended_at is not None:
            raise ApiError(grpc.StatusCode.NOT_FOUND, _GONE)
        return row

    def _claim_name(self, connection: sqlite3.Connection, queue: LiveQueue, task_id: str, now: float) -> None:
        """Make sure that the name may be used, within the commit that uses it."""
        row = tables.find_task(connection, queue.key, task_id)
        if row is None:
            return
        if row.ended_at is None:
            raise ApiError(grpc.StatusCode.ALREADY_EXISTS, _NAME_TAKEN)
        if not self._is_free(row.ended_at, now):
            raise ApiError(grpc.StatusCode.ALREADY_EXISTS, _NAME_TAKEN_RECENTLY)
        tables.delete_task_row(connection, row.key)

    def _is_free(self, ended_at: float, now: float) -> bool:
        return now >= ended_at + self._tombstone_ttl

    def _answer(self, queue: LiveQueue, row: TaskRow, view: int) -> Pb:
        return task_of(row, view, dispatched_at=queue.dispatch.dispatched_at(row.key))
