"""Takes a task to be created from its request to its row, checked and named; it dispatches nothing."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from emulator.engine import names
from emulator.engine.attempts import Attempts
from emulator.tasks import tables
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.messages import Pb
from emulator.tasks.queues import queue_not_found
from emulator.tasks.tables import TaskRow
from emulator.tasks.task_resource import stored_task
from emulator.tasks.tombstones import Tombstones


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task that passed its checks. `message` is the Task as it is stored, `stored` the same as bytes."""

    queue: LiveQueue
    task_id: str
    created_at: float
    schedule_time: float
    message: Pb
    stored: bytes

    def row(self, key: int) -> TaskRow:
        """The task as it is on disk once it has its key."""
        return TaskRow(
            key=key,
            task_id=self.task_id,
            message=self.stored,
            schedule_time=self.schedule_time,
            ended_at=None,
            attempts=Attempts(),
        )


def new_task(queue: LiveQueue, given: Pb, *, now: float) -> NewTask:
    """Raises InvalidArgumentError."""
    task_id = names.task_id_under(given.name, queue.name) if given.name else names.generate_task_id()
    message = stored_task(
        given, f"{queue.name}/tasks/{task_id}", queue=queue.message, queue_retry=queue.settings.retry, now=now
    )
    return NewTask(
        queue=queue,
        task_id=task_id,
        created_at=now,
        schedule_time=message.schedule_time.ToMicroseconds() / 1e6,
        message=message,
        stored=message.SerializeToString(),
    )


def insert(connection: sqlite3.Connection, new: NewTask, tombstones: Tombstones) -> int:
    """Returns the key. Raises NOT_FOUND (the queue), or ALREADY_EXISTS (the name)."""
    try:
        return _insert(connection, new)
    except sqlite3.IntegrityError:  # the name is taken, or the queue was deleted since
        tombstones.claim(connection, new.queue.key, new.task_id, new.created_at)
    try:
        return _insert(connection, new)
    except sqlite3.IntegrityError as exc:
        raise queue_not_found() from exc


def _insert(connection: sqlite3.Connection, new: NewTask) -> int:
    return tables.insert_task(
        connection,
        queue=new.queue.key,
        task_id=new.task_id,
        created_at=new.created_at,
        schedule_time=new.schedule_time,
        message=new.stored,
    )
