"""Where conversations were, and what the geocoding service said, in SQLite."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from pydantic import TypeAdapter

from contracts import Coordinates
from stores.places import CACHED_FOR, Address, Place, Recalled, attached
from stores.sqlite.database import Database
from stores.sqlite.erasure import erase

SCHEMA = (
    """
    CREATE TABLE place (
        uid TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        latitude REAL NOT NULL,
        longitude REAL NOT NULL,
        address TEXT,
        PRIMARY KEY (uid, conversation_id)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE geocoded (cell TEXT PRIMARY KEY, address TEXT, until TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX geocoded_until ON geocoded (until)",
)

_COLUMNS = "uid, conversation_id, revision, latitude, longitude, address"
_ADDRESS: TypeAdapter[Address | None] = TypeAdapter(Address | None)
_SWEPT = 10
"""Expired answers that leave for each that comes, so that the cache holds two days and little more."""


class SqlitePlaces:
    """Implements `stores.places.Places`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recall(self, cell: str, *, now: datetime) -> Recalled | None:
        def job(connection: sqlite3.Connection) -> Recalled | None:
            found = connection.execute(
                "SELECT address FROM geocoded WHERE cell = ? AND until > ?", (cell, _stamp(now))
            ).fetchone()
            return Recalled(_read_address(found[0])) if found else None

        return await self._database.run(job)

    async def remember(self, cell: str, address: Address | None, *, now: datetime) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM geocoded WHERE cell IN (SELECT cell FROM geocoded WHERE until <= ? LIMIT ?)",
                (_stamp(now), _SWEPT),
            )
            connection.execute(
                "INSERT OR REPLACE INTO geocoded (cell, address, until) VALUES (?, ?, ?)",
                (cell, _write_address(address), _stamp(now + CACHED_FOR)),
            )

        await self._database.run(job)

    async def attach(self, place: Place) -> Place:
        def job(connection: sqlite3.Connection) -> Place:
            stands = attached(_read(connection, place.uid, place.conversation_id), place)
            connection.execute(
                f"INSERT OR REPLACE INTO place ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608  (a constant)
                (
                    stands.uid,
                    stands.conversation_id,
                    stands.revision,
                    stands.at.latitude,
                    stands.at.longitude,
                    _write_address(stands.address),
                ),
            )
            return stands

        return await self._database.run(job)

    async def place(self, uid: str, conversation_id: str) -> Place | None:
        return await self._database.run(lambda connection: _read(connection, uid, conversation_id))

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._database.run(lambda connection: erase(connection, "place", "uid", owner, dry_run))


def _read(connection: sqlite3.Connection, uid: str, conversation_id: str) -> Place | None:
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM place WHERE uid = ? AND conversation_id = ?",  # noqa: S608  (a constant)
        (uid, conversation_id),
    ).fetchone()
    if found is None:
        return None
    _, _, revision, latitude, longitude, address = found
    return Place(
        uid=uid,
        conversation_id=conversation_id,
        revision=revision,
        at=Coordinates(latitude=latitude, longitude=longitude),
        address=_read_address(address),
    )


def _read_address(text: str | None) -> Address | None:
    return None if text is None else _ADDRESS.validate_json(text)


def _write_address(address: Address | None) -> str | None:
    return None if address is None else _ADDRESS.dump_json(address).decode()


def _stamp(moment: datetime) -> str:
    """One form for all moments, so that text compares as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
