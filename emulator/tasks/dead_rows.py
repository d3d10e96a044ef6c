"""Keeps dead tasks in SQLite: the table and its statements, each a function of a connection; no rules.

A dead task is one that the service would have deleted undelivered. It goes with its queue.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.tasks.history import AttemptRecord, records

MAX_DEAD = 10_000
"""Dead tasks kept of each queue; the oldest leave."""

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS dead_tasks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,   -- in the order of death
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        task_id TEXT NOT NULL,
        died_at REAL NOT NULL,
        reason TEXT NOT NULL,
        dispatch_count INTEGER NOT NULL,
        history TEXT,                           -- of its attempts, as tasks.history
        message BLOB NOT NULL                   -- google.cloud.tasks.v2.Task as created
    )
    """,
    "CREATE INDEX IF NOT EXISTS dead_tasks_of_queue ON dead_tasks (queue)",
    "CREATE INDEX IF NOT EXISTS dead_tasks_by_name ON dead_tasks (queue, task_id)",
)

_DEAD = """
    SELECT dead_tasks.id, queues.name, task_id, died_at, reason, dispatch_count, history, dead_tasks.message
    FROM dead_tasks JOIN queues ON queues.id = dead_tasks.queue
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTask:
    """A task that was given up, as it was. `key` grows in the order of death."""

    key: int
    queue: str
    """Full name."""
    task_id: str
    message: bytes
    """google.cloud.tasks.v2.Task as it was created."""
    died_at: float
    """Seconds since the epoch."""
    reason: str
    dispatch_count: int
    attempts: Sequence[AttemptRecord]
    """The latest 100, oldest first."""


def bury(connection: sqlite3.Connection, keys: Sequence[int], *, now: float, reason: str) -> None:
    """Copy these tasks, which have not ended, to the dead ones."""
    places = ",".join("?" * len(keys))
    connection.execute(
        f"""
        INSERT INTO dead_tasks (queue, task_id, died_at, reason, dispatch_count, history, message)
        SELECT queue, task_id, ?, ?, dispatch_count, history, message FROM tasks
        WHERE id IN ({places}) ORDER BY id
        """,  # noqa: S608 - only question marks
        (now, reason, *keys),
    )


def drop_oldest(connection: sqlite3.Connection, queue: int, *, kept: int = MAX_DEAD) -> int:
    """Delete the queue's dead tasks but the latest `kept`. Returns how many."""
    cursor = connection.execute(
        """
        DELETE FROM dead_tasks WHERE queue = ?1 AND id <=
            (SELECT id FROM dead_tasks WHERE queue = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
        """,
        (queue, kept),
    )
    return cursor.rowcount


def page(connection: sqlite3.Connection, queue: int | None, *, after: int, limit: int) -> list[DeadTask]:
    """In the order of death, beginning after the key `after`; of all queues where `queue` is None."""
    of_queue, parameters = ("", ()) if queue is None else ("dead_tasks.queue = ? AND", (queue,))
    rows = connection.execute(
        f"{_DEAD} WHERE {of_queue} dead_tasks.id > ? ORDER BY dead_tasks.id LIMIT ?",
        (*parameters, after, limit),
    )
    return [_dead(row) for row in rows]


def find_latest(connection: sqlite3.Connection, queue: int, task_id: str) -> DeadTask | None:
    """The dead task of this name; of several (the name was free in between) the one that died last."""
    row = connection.execute(
        f"{_DEAD} WHERE dead_tasks.queue = ? AND task_id = ? ORDER BY dead_tasks.id DESC LIMIT 1",
        (queue, task_id),
    ).fetchone()
    return _dead(row) if row else None


def delete(connection: sqlite3.Connection, key: int) -> None:
    connection.execute("DELETE FROM dead_tasks WHERE id = ?", (key,))


def _dead(row: Sequence[Any]) -> DeadTask:
    return DeadTask(
        key=row[0],
        queue=row[1],
        task_id=row[2],
        died_at=row[3],
        reason=row[4],
        dispatch_count=row[5],
        attempts=records(row[6], attempts=row[5]),
        message=row[7],
    )
