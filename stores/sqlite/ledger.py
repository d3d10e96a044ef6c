"""The ledger in SQLite: one table row for one task generation, changed by the ledger's rules alone."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from pydantic import TypeAdapter

from contracts import Position
from stores import ledger as rules
from stores.ledger import Claim, Ended, Key, Outcome, Row
from stores.sqlite.database import Database

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

_COLUMNS = "type, identity, generation, attempt, park, starts, bugs, parked_since, outcome, history"
_HISTORY = TypeAdapter(tuple[Ended, ...])


class SqliteLedger:
    """Implements `stores.ledger.Ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, key: Key, position: Position) -> Claim:
        def job(connection: sqlite3.Connection) -> Claim:
            row, claim = rules.claim(_read(connection, key), key, position)
            _write(connection, row)
            return claim

        return await self._database.run(job)

    async def release(self, key: Key) -> None:
        def job(connection: sqlite3.Connection) -> None:
            row = _read(connection, key)
            if row is not None:
                _write(connection, rules.release(row))

        await self._database.run(job)

    async def record(self, key: Key, position: Position, outcome: Outcome) -> Outcome | None:
        def job(connection: sqlite3.Connection) -> Outcome | None:
            row, standing = rules.record(_read(connection, key), key, position, outcome)
            _write(connection, row)
            return standing

        return await self._database.run(job)

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


def _read(connection: sqlite3.Connection, key: Key) -> Row | None:
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM ledger WHERE type = ? AND identity = ? AND generation = ?",  # noqa: S608  (a constant)
        key,
    ).fetchone()
    return _row(found) if found else None


def _row(found: tuple[str, str, int, int, int, int, int, str | None, str | None, str]) -> Row:
    type_name, identity, generation, attempt, park, starts, bugs, parked_since, outcome, history = found
    return Row(
        key=Key(type_name, identity, generation),
        position=Position(attempt=attempt, park=park),
        starts=starts,
        bugs=bugs,
        parked_since=datetime.fromisoformat(parked_since) if parked_since else None,
        outcome=Outcome.model_validate_json(outcome) if outcome else None,
        history=_HISTORY.validate_json(history),
    )


def _write(connection: sqlite3.Connection, row: Row) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO ledger ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  (a constant)
        (
            *row.key,
            row.position.attempt,
            row.position.park,
            row.starts,
            row.bugs,
            row.parked_since.isoformat() if row.parked_since else None,
            row.outcome.model_dump_json() if row.outcome else None,
            _HISTORY.dump_json(row.history).decode(),
        ),
    )
