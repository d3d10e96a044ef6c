"""Runs many jobs in one transaction of SQLite, each of which can fail alone; it commits nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

Result = tuple[Any, BaseException | None]
"""What a job returned, or what it raised."""


def begin(
    connection: sqlite3.Connection, jobs: Sequence[Callable[[sqlite3.Connection], Any]]
) -> list[Result]:
    """Begin a transaction and run the jobs in it; what a job that raised had changed is undone.

    First without a way to undo one job alone, which costs two statements each. Where one raises, which is
    rare, all is rolled back and run again, so that a job may run twice. Raises sqlite3.Error for what belongs
    to no job.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        return [(job(connection), None) for job in jobs]
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back already after some failures
            connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    return [_run_undoable(connection, job) for job in jobs]


def _run_undoable(connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], Any]) -> Result:
    connection.execute("SAVEPOINT job")
    try:
        result: Result = (job(connection), None)
    except BaseException as exc:  # whatever a job raises belongs to its caller alone
        connection.execute("ROLLBACK TO job")
        result = (None, exc)
    connection.execute("RELEASE job")
    return result
