"""Keeps queues and tasks in SQLite: the tables and the statements, each a function of a connection; no rules.

Times are seconds since the epoch. A task that ended stays as a row without message, so that its name remains
taken for a while, until `delete_ended` takes it away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.engine.attempts import Attempts
from emulator.tasks import attempt_rows

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS queues (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        message BLOB NOT NULL                   -- google.cloud.tasks.v2.Queue
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS deleted_queues (
        name TEXT PRIMARY KEY,
        deleted_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS tasks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,   -- in the order of creation, never used twice
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        task_id TEXT NOT NULL,
        created_at REAL NOT NULL,
        schedule_time REAL NOT NULL,            -- of the next attempt
        dispatch_count INTEGER NOT NULL DEFAULT 0,
        response_count INTEGER NOT NULL DEFAULT 0,
        execution_count INTEGER NOT NULL DEFAULT 0,
        first_dispatch_time REAL,
        last_schedule_time REAL,
        last_dispatch_time REAL,
        last_response_time REAL,
        last_status INTEGER,
        history TEXT,                           -- of its attempts, see history.py
        ended_at REAL,                          -- completed, deleted, purged or exhausted
        message BLOB,                           -- google.cloud.tasks.v2.Task as created; NULL once ended
        UNIQUE (queue, task_id)
    )
    """,
    "CREATE INDEX IF NOT EXISTS tasks_pending ON tasks (queue, id) WHERE ended_at IS NULL",
    "CREATE INDEX IF NOT EXISTS tasks_ended ON tasks (ended_at) WHERE ended_at IS NOT NULL",
)

_TASK = f"""
    SELECT id, task_id, message, schedule_time, ended_at, {attempt_rows.COLUMNS} FROM tasks
"""  # noqa: S608 - our columns


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """A task as it is on disk. `message` is empty once it ended."""

    key: int
    task_id: str
    message: bytes
    schedule_time: float
    ended_at: float | None
    attempts: Attempts


def queues(connection: sqlite3.Connection) -> list[tuple[int, str, bytes]]:
    """Every queue as (key, name, message)."""
    return connection.execute("SELECT id, name, message FROM queues").fetchall()


def find_queue(connection: sqlite3.Connection, name: str) -> tuple[int, bytes] | None:
    """The queue as (key, message)."""
    row: tuple[int, bytes] | None = connection.execute(
        "SELECT id, message FROM queues WHERE name = ?", (name,)
    ).fetchone()
    return row


def insert_queue(connection: sqlite3.Connection, name: str, message: bytes) -> int:
    """Returns the key. The name must be free; it is no longer one of a deleted queue."""
    connection.execute("DELETE FROM deleted_queues WHERE name = ?", (name,))
    cursor = connection.execute("INSERT INTO queues (name, message) VALUES (?, ?)", (name, message))
    return _inserted(cursor)


def update_queue(connection: sqlite3.Connection, key: int, message: bytes) -> None:
    connection.execute("UPDATE queues SET message = ? WHERE id = ?", (message, key))


def delete_queue(connection: sqlite3.Connection, name: str, *, now: float) -> None:
    """Its tasks go with it."""
    connection.execute("DELETE FROM queues WHERE name = ?", (name,))
    connection.execute("INSERT OR REPLACE INTO deleted_queues VALUES (?, ?)", (name, now))


def queue_deleted_at(connection: sqlite3.Connection, name: str) -> float | None:
    row = connection.execute("SELECT deleted_at FROM deleted_queues WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def pending(connection: sqlite3.Connection, queue: int) -> list[tuple[int, float]]:
    """Every task of the queue that has not ended, as (key, schedule time)."""
    return connection.execute(
        "SELECT id, schedule_time FROM tasks WHERE queue = ? AND ended_at IS NULL", (queue,)
    ).fetchall()


def insert_task(
    connection: sqlite3.Connection,
    *,
    queue: int,
    task_id: str,
    created_at: float,
    schedule_time: float,
    message: bytes,
) -> int:
    """Returns the key. Raises sqlite3.IntegrityError if the name is taken or the queue is gone."""
    cursor = connection.execute(
        "INSERT INTO tasks (queue, task_id, created_at, schedule_time, message) VALUES (?, ?, ?, ?, ?)",
        (queue, task_id, created_at, schedule_time, message),
    )
    return _inserted(cursor)


def find_task(connection: sqlite3.Connection, queue: int, task_id: str) -> TaskRow | None:
    row = connection.execute(f"{_TASK} WHERE queue = ? AND task_id = ?", (queue, task_id)).fetchone()
    return _task(row) if row else None


def find_tasks(connection: sqlite3.Connection, keys: Sequence[int]) -> list[TaskRow]:
    """Those of the tasks that have not ended."""
    places = ",".join("?" * len(keys))
    rows = connection.execute(f"{_TASK} WHERE id IN ({places}) AND ended_at IS NULL", tuple(keys))
    return [_task(row) for row in rows]


def pending_after(connection: sqlite3.Connection, queue: int, key: int, limit: int) -> Iterator[TaskRow]:
    """Tasks of the queue that have not ended, by key, beginning after `key`."""
    rows = connection.execute(
        f"{_TASK} WHERE queue = ? AND ended_at IS NULL AND id > ? ORDER BY id LIMIT ?", (queue, key, limit)
    )
    return map(_task, rows)


def end_task(connection: sqlite3.Connection, key: int, *, now: float) -> bool:
    """The task is no more, but for its name. False if it had ended already."""
    cursor = connection.execute(
        "UPDATE tasks SET ended_at = ?, message = NULL WHERE id = ? AND ended_at IS NULL", (now, key)
    )
    return cursor.rowcount == 1


def end_all_tasks(connection: sqlite3.Connection, queue: int, *, now: float) -> int:
    """End every pending task of the queue. Returns the largest key of any task, or 0."""
    connection.execute(
        "UPDATE tasks SET ended_at = ?, message = NULL WHERE queue = ? AND ended_at IS NULL", (now, queue)
    )
    row = connection.execute("SELECT max(id) FROM tasks").fetchone()
    return row[0] or 0


def end_tasks(connection: sqlite3.Connection, keys: Sequence[int], *, now: float) -> None:
    connection.executemany(
        "UPDATE tasks SET ended_at = ?, message = NULL WHERE id = ?", [(now, key) for key in keys]
    )


def pending_created_before(
    connection: sqlite3.Connection, queue: int, moment: float, *, limit: int
) -> list[int]:
    """Keys of those of the queue's first `limit` pending tasks that are that old."""
    rows = connection.execute(
        """
        SELECT id FROM (SELECT id, created_at FROM tasks WHERE queue = ? AND ended_at IS NULL
                        ORDER BY id LIMIT ?)
        WHERE created_at < ?
        """,
        (queue, limit, moment),
    )
    return [key for (key,) in rows]


def delete_ended(connection: sqlite3.Connection, moment: float, *, limit: int) -> int:
    """Free the names of at most `limit` tasks that ended before `moment`. Returns how many."""
    cursor = connection.execute(
        "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks WHERE ended_at < ? LIMIT ?)", (moment, limit)
    )
    return cursor.rowcount


def delete_task_row(connection: sqlite3.Connection, key: int) -> None:
    """Free the name of one task."""
    connection.execute("DELETE FROM tasks WHERE id = ?", (key,))


def _inserted(cursor: sqlite3.Cursor) -> int:
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("an INSERT gave no key")
    return cursor.lastrowid


def _task(row: Sequence[Any]) -> TaskRow:
    return TaskRow(
        key=row[0],
        task_id=row[1],
        message=row[2] or b"",
        schedule_time=row[3],
        ended_at=row[4],
        attempts=attempt_rows.attempts_of(row[5:]),
    )
