"""The ledger in SQLite: one table row for one task generation, changed by the ledger's rules alone.

Most tasks are started once and end once. For these the rules say beforehand what the row was and will be, so
that one statement both asks for that and does it; where the row is another, it is read and judged as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from contracts import Position
from stores import ledger as rules
from stores.ledger import Claim, Key, Lease, Recorded, Row, Settled, Start
from stores.outcome import Ended, Outcome
from stores.sqlite.database import Database
from stores.sqlite.erasure import erase

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS ledger (
        type TEXT NOT NULL,
        identity TEXT NOT NULL,
        generation INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        park INTEGER NOT NULL,
        starts INTEGER NOT NULL,
        bugs INTEGER NOT NULL,
        parked_since TEXT,
        outcome TEXT,
        history TEXT NOT NULL,
        PRIMARY KEY (type, identity, generation)
    ) WITHOUT ROWID
    """,
)

LEASES_AND_FOLLOW_UPS = (
    "ALTER TABLE ledger DROP COLUMN starts",
    "ALTER TABLE ledger ADD COLUMN running TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE ledger ADD COLUMN lease_token TEXT",
    "ALTER TABLE ledger ADD COLUMN lease_until INTEGER",
    "ALTER TABLE ledger ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE ledger ADD COLUMN queue TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE ledger ADD COLUMN target TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE ledger ADD COLUMN body BLOB",
    "ALTER TABLE ledger ADD COLUMN follow_up_due INTEGER",
    "ALTER TABLE ledger ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0",
    "UPDATE ledger SET expires_at = (CAST(strftime('%s', 'now') AS INTEGER) + 60 * 86400) * 1000000",
    "CREATE INDEX ledger_follow_up ON ledger (follow_up_due) WHERE follow_up_due IS NOT NULL",
    "CREATE INDEX ledger_expiry ON ledger (expires_at)",
    "CREATE INDEX ledger_owner ON ledger (owner) WHERE owner <> ''",
)
"""The step by which rows know whose they are, who runs them, what follows and until when they are kept.

Moments are microseconds since 1970. Rows of before are kept for 60 days, and forget starts that died.
"""

_KEY = ("type", "identity", "generation")
_ENDED = (
    *("running", "lease_token", "lease_until", "bugs", "parked_since", "outcome", "body", "follow_up_due"),
    "history",
)
"""What the end of a start changes."""
_VALUES = ("attempt", "park", "owner", "queue", "target", "expires_at", *_ENDED)
_COLUMNS = ", ".join((*_KEY, *_VALUES))
_BY_KEY = "type = ? AND identity = ? AND generation = ?"
_INSERT = f"INSERT INTO ledger ({_COLUMNS}) VALUES ({', '.join('?' * len((*_KEY, *_VALUES)))}) "  # noqa: S608  (constants)
_INSERT_NEW = f"{_INSERT} ON CONFLICT DO NOTHING"
_WRITE = f"{_INSERT} ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _VALUES)}"
_END_FIRST = (
    f"UPDATE ledger SET {', '.join(f'{name} = ?' for name in _ENDED)} WHERE {_BY_KEY} "  # noqa: S608  (constants)
    "AND running = ? AND attempt = ? AND park = ? AND outcome IS NULL AND history = '[]'"
)
"""Where nothing has ended before and nobody else is running: the row is as this start's claim made it, but
for a lease that it lost to one that gave it back."""
_NOTHING_ENDED = "[]"
_HISTORY = TypeAdapter(tuple[Ended, ...])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SqliteLedger:
    """Implements `stores.ledger.Ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, start: Start) -> Claim:
        def job(connection: sqlite3.Connection) -> Claim:
            first, started = rules.claim(None, start)
            if connection.execute(_INSERT_NEW, (*first.key, *_values(first))).rowcount:
                return started
            before = _read(connection, start.key)
            row, claim = rules.claim(before, start)
            if row != before:
                _write(connection, row)
            return claim

        return await self._database.run(job)

    async def release(self, start: Start) -> None:
        await self._change(start.key, lambda row: rules.release(row, start))

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        def job(connection: sqlite3.Connection) -> Recorded:
            if _end_first(connection, start, outcome, body):
                return Settled(outcome)
            row, standing = rules.record(_read(connection, start.key), start, outcome, body)
            _write(connection, row)
            return standing

        return await self._database.run(job)

    async def confirm(self, key: Key, position: Position) -> None:
        await self._change(key, lambda row: rules.confirm(row, position))

    async def read(self, key: Key) -> Row | None:
        return await self._database.run(lambda connection: _read(connection, key))

    async def latest(self, type_name: str, identity: str) -> Row | None:
        def job(connection: sqlite3.Connection) -> Row | None:
            found = connection.execute(
                f"SELECT {_COLUMNS} FROM ledger WHERE type = ? AND identity = ? "  # noqa: S608  (a constant)
                "ORDER BY generation DESC LIMIT 1",
                (type_name, identity),
            ).fetchone()
            return _row(found) if found else None

        return await self._database.run(job)

    async def overdue(self, before: datetime, *, limit: int, after: Row | None = None) -> tuple[Row, ...]:
        first = (0, "", "", 0) if after is None else (_stamp(after.follow_up_due), *after.key)

        def job(connection: sqlite3.Connection) -> tuple[Row, ...]:
            found = connection.execute(
                f"SELECT {_COLUMNS} FROM ledger WHERE follow_up_due < ? "  # noqa: S608  (a constant)
                "AND (follow_up_due, type, identity, generation) > (?, ?, ?, ?) "
                "ORDER BY follow_up_due, type, identity, generation LIMIT ?",
                (_stamp(before), *first, limit),
            )
            return tuple(map(_row, found))

        return await self._database.run(job)

    async def sweep(self, now: datetime, *, limit: int) -> int:
        def job(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "DELETE FROM ledger WHERE (type, identity, generation) IN "
                "(SELECT type, identity, generation FROM ledger WHERE expires_at <= ? LIMIT ?)",
                (_stamp(now), limit),
            ).rowcount

        return await self._database.run(job)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        if not owner:
            return 0
        return await self._database.run(
            lambda connection: erase(connection, "ledger", "owner", owner, dry_run)
        )

    async def _change(self, key: Key, rule: Callable[[Row], Row]) -> None:
        def job(connection: sqlite3.Connection) -> None:
            row = _read(connection, key)
            if row is not None:
                _write(connection, rule(row))

        await self._database.run(job)


def _end_first(connection: sqlite3.Connection, start: Start, outcome: Outcome, body: bytes) -> bool:
    """Record the end of a start that was the row's first and is its only one; whether it is."""
    row, _ = rules.record(None, start, outcome, body)
    was = (*start.key, start.token, start.position.attempt, start.position.park)
    return connection.execute(_END_FIRST, (*_ended(row), *was)).rowcount == 1


def _read(connection: sqlite3.Connection, key: Key) -> Row | None:
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM ledger WHERE {_BY_KEY}",  # noqa: S608  (constants)
        key,
    ).fetchone()
    return _row(found) if found else None


def _row(found: tuple[Any, ...]) -> Row:
    kept = dict(zip((*_KEY, *_VALUES), found, strict=True))
    return Row(
        key=Key(kept["type"], kept["identity"], kept["generation"]),
        position=Position(attempt=kept["attempt"], park=kept["park"]),
        running=tuple(kept["running"].split()),
        lease=Lease(kept["lease_token"], _moment(kept["lease_until"])) if kept["lease_token"] else None,
        owner=kept["owner"],
        queue=kept["queue"],
        target=kept["target"],
        bugs=kept["bugs"],
        parked_since=datetime.fromisoformat(kept["parked_since"]) if kept["parked_since"] else None,
        outcome=Outcome.model_validate_json(kept["outcome"]) if kept["outcome"] else None,
        body=kept["body"],
        history=_HISTORY.validate_json(kept["history"]) if kept["history"] != _NOTHING_ENDED else (),
        expires_at=_moment(kept["expires_at"]),
    )


def _write(connection: sqlite3.Connection, row: Row) -> None:
    connection.execute(_WRITE, (*row.key, *_values(row)))


def _values(row: Row) -> tuple[Any, ...]:
    """By `_VALUES`."""
    return (
        row.position.attempt,
        row.position.park,
        row.owner,
        row.queue,
        row.target,
        _stamp(row.expires_at),
        *_ended(row),
    )


def _ended(row: Row) -> tuple[Any, ...]:
    """By `_ENDED`."""
    return (
        " ".join(row.running),
        row.lease.token if row.lease else None,
        _stamp(row.lease.until) if row.lease else None,
        row.bugs,
        row.parked_since.isoformat() if row.parked_since else None,
        row.outcome.model_dump_json() if row.outcome else None,
        row.body,
        _stamp(row.follow_up_due),
        _HISTORY.dump_json(row.history).decode() if row.history else _NOTHING_ENDED,
    )


def _stamp(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def _moment(stamp: int) -> datetime:
    return _EPOCH + stamp * _MICROSECOND
