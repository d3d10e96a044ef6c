"""The dead letters in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime

from contracts import DeadLetter
from stores.dead_letters import Depth, Filter, Kept
from stores.sqlite.database import Database
from stores.sqlite.erasure import erase

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

DISCARDS = (
    "ALTER TABLE dead_letter ADD COLUMN discarded_at TEXT",
    "ALTER TABLE dead_letter ADD COLUMN discard_reason TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX dead_letter_open ON dead_letter (died_at) "
    "WHERE replayed_at IS NULL AND discarded_at IS NULL",
    "CREATE INDEX dead_letter_closed ON dead_letter "
    "(max(coalesce(replayed_at, ''), coalesce(discarded_at, '')))",
)
"""The step by which a letter can be discarded; open ones and old closed ones are found by an index."""

_OPEN = "replayed_at IS NULL AND discarded_at IS NULL"
_CLOSED_AT = "max(coalesce(replayed_at, ''), coalesce(discarded_at, ''))"
"""Empty for an open letter."""

_FATE = "replayed_at, replayed_as, discarded_at, discard_reason"
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
            "(discarded_at IS NOT NULL) = :discarded": wanted.discarded,
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

    async def discard(self, letter_id: str, *, reason: str, at: datetime) -> bool:
        def job(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE dead_letter SET discard_reason = CASE WHEN discarded_at IS NULL THEN ? "
                "ELSE discard_reason END, discarded_at = coalesce(discarded_at, ?) WHERE id = ?",
                (reason, _stamp(at), letter_id),
            )
            return changed.rowcount == 1

        return await self._database.run(job)

    async def depths(self, *, limit: int) -> tuple[Depth, ...]:
        def job(connection: sqlite3.Connection) -> tuple[Depth, ...]:
            found = connection.execute(
                "SELECT queue, reason, count(*), min(died_at) FROM (SELECT queue, reason, died_at "  # noqa: S608  (constants)
                f"FROM dead_letter WHERE {_OPEN} ORDER BY died_at LIMIT ?) GROUP BY 1, 2 ORDER BY 1, 2",
                (limit,),
            )
            return tuple(
                Depth(queue, reason, count, datetime.fromisoformat(oldest))
                for queue, reason, count, oldest in found
            )

        return await self._database.run(job)

    async def sweep(self, closed_before: datetime, *, limit: int) -> int:
        def job(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter "  # noqa: S608  (constants)
                f"WHERE {_CLOSED_AT} > '' AND {_CLOSED_AT} < ? LIMIT ?)",
                (_stamp(closed_before), limit),
            ).rowcount

        return await self._database.run(job)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._database.run(
            lambda connection: erase(connection, "dead_letter", "owner", owner, dry_run)
        )

    async def _select(self, where: str, values: Mapping[str, object], *, limit: int) -> tuple[Kept, ...]:
        def job(connection: sqlite3.Connection) -> tuple[Kept, ...]:
            found = connection.execute(
                f"SELECT {_LETTER}, {_FATE} FROM dead_letter "  # noqa: S608  (constants)
                f"WHERE {where} ORDER BY id LIMIT :limit",
                {**values, "limit": limit},
            )
            return tuple(_kept(row) for row in found)

        return await self._database.run(job)


def _kept(row: tuple[object, ...]) -> Kept:
    *letter, replayed_at, replayed_as, discarded_at, discard_reason = row
    return Kept(
        letter=DeadLetter.model_validate(dict(zip(_LETTER.split(", "), letter, strict=True))),
        replayed_at=_moment(replayed_at),
        replayed_as=replayed_as if isinstance(replayed_as, int) else None,
        discarded_at=_moment(discarded_at),
        discard_reason=str(discard_reason),
    )


def _moment(stamp: object) -> datetime | None:
    return datetime.fromisoformat(stamp) if isinstance(stamp, str) else None


def _stamp(moment: datetime | None) -> str | None:
    """One form for all moments, so that text compares as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else None
