"""The dead letters in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime

from contracts import DeadLetter
from stores.dead_letters import Filter, Kept
from stores.sqlite.database import Database

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS dead_letter (
        id TEXT PRIMARY KEY,
        type TEXT NOT NULL,
        identity TEXT NOT NULL,
        generation INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        queue TEXT NOT NULL,
        target TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        accepted_at TEXT,
        died_at TEXT NOT NULL,
        body BLOB NOT NULL,
        replayed_at TEXT,
        replayed_as INTEGER
    ) WITHOUT ROWID
    """,
)

OWNERS = (
    "ALTER TABLE dead_letter ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX dead_letter_owner ON dead_letter (owner)",
)
"""The step by which a letter says whose data it holds."""

_LETTER = (
    "id, type, identity, generation, attempt, queue, target, owner, "
    "reason, detail, accepted_at, died_at, body"
)


class SqliteDeadLetters:
    """Implements `stores.dead_letters.DeadLetters`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, letter: DeadLetter) -> bool:
        values = letter.model_dump()
        values["accepted_at"] = _stamp(letter.accepted_at)
        values["died_at"] = _stamp(letter.died_at)
        marks = ", ".join(f":{column}" for column in _LETTER.split(", "))

        def job(connection: sqlite3.Connection) -> bool:
            added = connection.execute(
                f"INSERT OR IGNORE INTO dead_letter ({_LETTER}) VALUES ({marks})",  # noqa: S608  (constants)
                values,
            )
            return added.rowcount == 1

        return await self._database.run(job)

    async def get(self, letter_id: str) -> Kept | None:
        found = await self._select("id = :id", {"id": letter_id}, limit=1)
        return found[0] if found else None

    async def find(self, wanted: Filter, *, limit: int, after: str | None = None) -> tuple[Kept, ...]:
        conditions = {
            "type = :type": wanted.type,
            "queue = :queue": wanted.queue,
            "target = :target": wanted.target,
            "owner = :owner": wanted.owner,
            "reason = :reason": wanted.reason,
            "died_at > :died_after": _stamp(wanted.died_after),
            "died_at < :died_before": _stamp(wanted.died_before),
            "(replayed_at IS NOT NULL) = :replayed": wanted.replayed,
            "id > :after": after,
        }
        set_ones = {text: value for text, value in conditions.items() if value is not None}
        values = {text.rpartition(":")[2]: value for text, value in set_ones.items()}
        return await self._select(" AND ".join(set_ones) or "TRUE", values, limit=limit)

    async def mark_replayed(self, letter_id: str, *, generation: int, at: datetime) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE dead_letter SET replayed_at = ?, replayed_as = ? WHERE id = ?",
                (_stamp(at), generation, letter_id),
            )

        await self._database.run(job)

    async def erase(self, owner: str) -> int:
        def job(connection: sqlite3.Connection) -> int:
            return connection.execute("DELETE FROM dead_letter WHERE owner = ?", (owner,)).rowcount

        return await self._database.run(job)

    async def _select(self, where: str, values: Mapping[str, object], *, limit: int) -> tuple[Kept, ...]:
        def job(connection: sqlite3.Connection) -> tuple[Kept, ...]:
            found = connection.execute(
                f"SELECT {_LETTER}, replayed_at, replayed_as FROM dead_letter "  # noqa: S608  (constants)
                f"WHERE {where} ORDER BY id LIMIT :limit",
                {**values, "limit": limit},
            )
            return tuple(_kept(row) for row in found)

        return await self._database.run(job)


def _kept(row: tuple[object, ...]) -> Kept:
    *letter, replayed_at, replayed_as = row
    return Kept(
        letter=DeadLetter.model_validate(dict(zip(_LETTER.split(", "), letter, strict=True))),
        replayed_at=datetime.fromisoformat(replayed_at) if isinstance(replayed_at, str) else None,
        replayed_as=replayed_as if isinstance(replayed_as, int) else None,
    )


def _stamp(moment: datetime | None) -> str | None:
    """One form for all moments, so that text compares as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else None
