"""Shows dead tasks and attempts and lets the dead go again, beyond the API, for people; it sends nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from emulator.engine import names
from emulator.engine.clock import Clock
from emulator.store import Store
from emulator.tasks import attempt_rows, dead_rows, tables
from emulator.tasks.dead_rows import DeadTask
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.history import AttemptRecord, records
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.messages import Task, set_moment
from emulator.tasks.queues import Queues, queue_not_found
from emulator.tasks.tombstones import name_taken, task_not_found


class DeadTasks:
    """What became of tasks. Every call returns after what it changed is on disk."""

    def __init__(self, store: Store, clock: Clock, dispatcher: Dispatcher, queues: Queues) -> None:
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._queues = queues

    async def attempts(self, name: str) -> Sequence[AttemptRecord]:
        """The latest 100 attempts that ended of a task that exists, ended of late or is dead, oldest first.

        Raises InvalidArgumentError, or NOT_FOUND.
        """
        queue, task_id = self._find_queue(name)

        def read(connection: sqlite3.Connection) -> Sequence[AttemptRecord]:
            found = attempt_rows.find_history(connection, queue.key, task_id)
            if found is not None:
                history, attempts = found
                return records(history, attempts=attempts)
            return self._find(connection, queue, task_id).attempts

        return await self._store.read(read)

    async def page(self, queue_name: str | None, *, after: int, limit: int) -> list[DeadTask]:
        """At most `limit` dead tasks of the queue, or of all, in the order of death, after the key `after`.

        Raises InvalidArgumentError, or NOT_FOUND for the queue.
        """
        queue = None if queue_name is None else self._queues.get(queue_name).key
        return await self._store.read(
            lambda connection: dead_rows.page(connection, queue, after=after, limit=limit)
        )

    async def requeue(self, name: str) -> None:
        """Let a dead task go again, now, under its name and with all its attempts before it.

        Where several tasks of that name died, it is the latest. Raises InvalidArgumentError, NOT_FOUND, or
        ALREADY_EXISTS where a task of that name is not dead.
        """
        queue, task_id = self._find_queue(name)
        now = self._clock.now()

        def insert(connection: sqlite3.Connection) -> int:
            row = tables.find_task(connection, queue.key, task_id)
            if row is not None and row.ended_at is None:
                raise name_taken()
            dead = self._find(connection, queue, task_id)
            if row is not None:
                tables.delete_task_row(connection, row.key)
            dead_rows.delete(connection, dead.key)
            try:
                return tables.insert_task(
                    connection,
                    queue=queue.key,
                    task_id=task_id,
                    created_at=now,
                    schedule_time=now,
                    message=_due_now(dead.message, now),
                )
            except sqlite3.IntegrityError as exc:  # the queue was deleted since
                raise queue_not_found() from exc

        def go(key: int) -> None:
            queue.dispatch.add(key, now)
            self._dispatcher.look(queue)

        await self._store.write(insert, go)

    async def discard(self, name: str) -> None:
        """Forget a dead task, of several of that name the latest.

        Raises InvalidArgumentError, or NOT_FOUND.
        """
        queue, task_id = self._find_queue(name)
        await self._store.write(
            lambda connection: dead_rows.delete(connection, self._find(connection, queue, task_id).key)
        )

    def _find_queue(self, task_name: str) -> tuple[LiveQueue, str]:
        queue_name, task_id = names.split_task(task_name)
        return self._queues.get(queue_name), task_id

    def _find(self, connection: sqlite3.Connection, queue: LiveQueue, task_id: str) -> DeadTask:
        dead = dead_rows.find_latest(connection, queue.key, task_id)
        if dead is None:
            raise task_not_found()
        return dead


def _due_now(message: bytes, now: float) -> bytes:
    """The task as if it were created now."""
    task = Task.FromString(message)
    set_moment(task.schedule_time, now)
    task.create_time.Clear()
    task.create_time.seconds = int(now)
    fresh: bytes = task.SerializeToString()
    return fresh
