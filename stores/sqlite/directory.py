"""The directory in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from contracts import WebhookKind
from stores.endpoint import Endpoint
from stores.sqlite.database import Database
from stores.sqlite.erasure import erase
from stores.sqlite.keys import keys_in, keys_text

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS endpoint (
        uid TEXT NOT NULL,
        kind TEXT NOT NULL,
        url TEXT NOT NULL,
        secret TEXT NOT NULL,
        paused INTEGER NOT NULL,
        PRIMARY KEY (uid, kind)
    ) WITHOUT ROWID
    """,
)
SEVERAL_KEYS = (
    "ALTER TABLE endpoint ADD COLUMN keys TEXT NOT NULL DEFAULT '[]'",
    "UPDATE endpoint SET keys = json_array(json_object('secret', secret, 'not_after', NULL))",
    "ALTER TABLE endpoint DROP COLUMN secret",
)
"""The step from one key an endpoint to several, in the form of `stores.sqlite.keys`."""

_COLUMNS = "uid, kind, url, paused, keys"
_VALUES = f"({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"


class SqliteDirectory:
    """Implements `stores.directory.Directory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def endpoint(self, uid: str, kind: WebhookKind) -> Endpoint | None:
        return await self._database.run(lambda connection: _read(connection, uid, kind))

    async def endpoints(
        self, *, uid: str | None = None, limit: int, after: Endpoint | None = None
    ) -> tuple[Endpoint, ...]:
        beyond = (after.uid, after.kind) if after else ("", "")

        def job(connection: sqlite3.Connection) -> tuple[Endpoint, ...]:
            found = connection.execute(
                f"SELECT {_COLUMNS} FROM endpoint "  # noqa: S608  (a constant)
                "WHERE (uid, kind) > (?, ?) AND uid = coalesce(?, uid) ORDER BY uid, kind LIMIT ?",
                (*beyond, uid, limit),
            )
            return tuple(_endpoint(row) for row in found)

        return await self._database.run(job)

    async def add_endpoint(self, endpoint: Endpoint) -> bool:
        def job(connection: sqlite3.Connection) -> bool:
            added = connection.execute(f"INSERT OR IGNORE INTO endpoint {_VALUES}", _row(endpoint))
            return added.rowcount == 1

        return await self._database.run(job)

    async def put_endpoint(self, endpoint: Endpoint) -> None:
        await self._database.run(lambda connection: _put(connection, endpoint))

    async def change_endpoint(
        self, uid: str, kind: WebhookKind, change: Callable[[Endpoint], Endpoint]
    ) -> Endpoint | None:
        def job(connection: sqlite3.Connection) -> Endpoint | None:
            found = _read(connection, uid, kind)
            if found is None:
                return None
            changed = change(found)
            _put(connection, changed)
            return changed

        return await self._database.run(job)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._database.run(
            lambda connection: erase(connection, "endpoint", "uid", owner, dry_run)
        )


def _read(connection: sqlite3.Connection, uid: str, kind: WebhookKind) -> Endpoint | None:
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM endpoint WHERE uid = ? AND kind = ?",  # noqa: S608  (a constant)
        (uid, kind),
    ).fetchone()
    return _endpoint(found) if found else None


def _put(connection: sqlite3.Connection, endpoint: Endpoint) -> None:
    connection.execute(f"INSERT OR REPLACE INTO endpoint {_VALUES}", _row(endpoint))


def _endpoint(found: tuple[str, WebhookKind, str, int, str]) -> Endpoint:
    uid, kind, url, paused, keys = found
    return Endpoint(
        uid=uid,
        kind=kind,
        url=url,
        paused=bool(paused),
        keys=keys_in(keys),
    )


def _row(endpoint: Endpoint) -> tuple[str, str, str, bool, str]:
    return endpoint.uid, endpoint.kind, endpoint.url, endpoint.paused, keys_text(endpoint.keys)
