"""What is remembered of targets, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime

from lanes import Phase
from stores.sqlite.database import Database
from stores.targets import Health, TargetState, Traffic

SCHEMA = (
    """
    CREATE TABLE target_traffic (
        target TEXT NOT NULL,
        queue TEXT NOT NULL,
        phase TEXT NOT NULL,
        since REAL NOT NULL,
        retry_at REAL NOT NULL,
        booked_until REAL NOT NULL,
        PRIMARY KEY (target, queue)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE target_health (
        target TEXT PRIMARY KEY,
        failing_since TEXT,
        told INTEGER NOT NULL,
        told_at TEXT,
        disabled_at TEXT,
        disabled_for TEXT NOT NULL,
        enabled_at TEXT,
        missed_since TEXT
    ) WITHOUT ROWID
    """,
)


class SqliteTargetStates:
    """Implements `stores.targets.TargetStates`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, queue: str, target: str) -> TargetState:
        return await self._database.run(
            lambda connection: TargetState(
                traffic=_traffic(connection, queue, target), health=_health(connection, target)
            )
        )

    async def change_traffic(self, queue: str, target: str, change: Callable[[Traffic], Traffic]) -> Traffic:
        def job(connection: sqlite3.Connection) -> Traffic:
            before = _traffic(connection, queue, target)
            after = change(before)
            if after != before:
                connection.execute(
                    "INSERT OR REPLACE INTO target_traffic "
                    "(target, queue, phase, since, retry_at, booked_until) VALUES (?, ?, ?, ?, ?, ?)",
                    (target, queue, after.phase, after.since, after.retry_at, after.booked_until),
                )
            return after

        return await self._database.run(job)

    async def health(self, target: str) -> Health:
        return await self._database.run(lambda connection: _health(connection, target))

    async def change_health(self, target: str, change: Callable[[Health], Health]) -> Health:
        def job(connection: sqlite3.Connection) -> Health:
            before = _health(connection, target)
            after = change(before)
            if after != before:
                connection.execute(
                    "INSERT OR REPLACE INTO target_health "
                    "(target, failing_since, told, told_at, disabled_at, disabled_for, enabled_at, "
                    "missed_since) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        target,
                        _stamp(after.failing_since),
                        after.told,
                        _stamp(after.told_at),
                        _stamp(after.disabled_at),
                        after.disabled_for,
                        _stamp(after.enabled_at),
                        _stamp(after.missed_since),
                    ),
                )
            return after

        return await self._database.run(job)

    async def forget(self, target: str) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM target_traffic WHERE target = ?", (target,))
            connection.execute("DELETE FROM target_health WHERE target = ?", (target,))

        await self._database.run(job)


def _traffic(connection: sqlite3.Connection, queue: str, target: str) -> Traffic:
    found = connection.execute(
        "SELECT phase, since, retry_at, booked_until FROM target_traffic WHERE target = ? AND queue = ?",
        (target, queue),
    ).fetchone()
    if found is None:
        return Traffic()
    phase, since, retry_at, booked_until = found
    return Traffic(phase=Phase(phase), since=since, retry_at=retry_at, booked_until=booked_until)


def _health(connection: sqlite3.Connection, target: str) -> Health:
    found = connection.execute(
        "SELECT failing_since, told, told_at, disabled_at, disabled_for, enabled_at, missed_since "
        "FROM target_health WHERE target = ?",
        (target,),
    ).fetchone()
    if found is None:
        return Health()
    failing_since, told, told_at, disabled_at, disabled_for, enabled_at, missed_since = found
    return Health(
        failing_since=_moment(failing_since),
        told=told,
        told_at=_moment(told_at),
        disabled_at=_moment(disabled_at),
        disabled_for=disabled_for,
        enabled_at=_moment(enabled_at),
        missed_since=_moment(missed_since),
    )


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(stamp: str | None) -> datetime | None:
    return datetime.fromisoformat(stamp) if stamp else None
