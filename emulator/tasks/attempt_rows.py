"""Keeps the attempts of tasks on the tasks' rows in SQLite: functions of a connection; no rules."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.engine.attempts import Attempt, Attempts
from emulator.tasks import history as histories

_NONE = Attempts()

COLUMNS = """
    dispatch_count, response_count, execution_count, first_dispatch_time,
    last_schedule_time, last_dispatch_time, last_response_time, last_status
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptsRow:
    """The attempts of a task as they are on disk, counted and as a history."""

    attempts: Attempts
    history: str | None


def find(connection: sqlite3.Connection, key: int) -> AttemptsRow | None:
    """The attempts of a task, or None if it ended."""
    row = connection.execute(
        f"SELECT history, {COLUMNS} FROM tasks WHERE id = ? AND ended_at IS NULL",  # noqa: S608 - our columns
        (key,),
    ).fetchone()
    return AttemptsRow(history=row[0], attempts=attempts_of(row[1:])) if row else None


def find_history(connection: sqlite3.Connection, queue: int, task_id: str) -> tuple[str | None, int] | None:
    """History and number of attempts of a task, also of one that ended while its name is taken."""
    row: tuple[str | None, int] | None = connection.execute(
        "SELECT history, dispatch_count FROM tasks WHERE queue = ? AND task_id = ?", (queue, task_id)
    ).fetchone()
    return row


def record(
    connection: sqlite3.Connection,
    key: int,
    attempts: Attempts,
    *,
    history: str | None,
    schedule_time: float,
) -> None:
    """Record the attempts, the last of which is not in `history` yet, and when the next one is due."""
    last = attempts.last
    if last is None:
        raise ValueError("there is no attempt to record")
    connection.execute(
        """
        UPDATE tasks SET schedule_time = ?, dispatch_count = ?, response_count = ?, execution_count = ?,
            first_dispatch_time = ?, last_schedule_time = ?, last_dispatch_time = ?, last_response_time = ?,
            last_status = ?, history = ?
        WHERE id = ?
        """,
        (
            schedule_time,
            attempts.dispatch_count,
            attempts.response_count,
            attempts.execution_count,
            attempts.first_dispatch_time,
            last.schedule_time,
            last.dispatch_time,
            last.response_time,
            last.status,
            histories.appended(history, histories.entry(last), attempts=attempts.dispatch_count),
            key,
        ),
    )


def complete(connection: sqlite3.Connection, key: int, *, now: float, entry: str) -> bool:
    """End a task by the attempt that `entry` of its history tells of. False if it had ended already."""
    cursor = connection.execute(
        """
        UPDATE tasks SET ended_at = ?1, message = NULL, dispatch_count = dispatch_count + 1,
            history = iif(history IS NULL, ?2, history || ',' || ?2)
        WHERE id = ?3 AND ended_at IS NULL
        """,
        (now, entry, key),
    )
    return cursor.rowcount == 1


def attempts_of(row: Sequence[Any]) -> Attempts:
    """Of the columns `COLUMNS`."""
    if not row[0]:
        return _NONE
    last = None
    if row[7] is not None:
        last = Attempt(schedule_time=row[4], dispatch_time=row[5], response_time=row[6], status=row[7])
    return Attempts(
        dispatch_count=row[0],
        response_count=row[1],
        execution_count=row[2],
        first_dispatch_time=row[3],
        last=last,
    )
