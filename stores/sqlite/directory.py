"""The directory in SQLite."""

from __future__ import annotations

import sqlite3

from contracts import WebhookKind
from stores.directory import Endpoint
from stores.sqlite.database import Database

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


class SqliteDirectory:
    """Implements `stores.directory.Directory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def endpoint(self, uid: str, kind: WebhookKind) -> Endpoint | None:
        def job(connection: sqlite3.Connection) -> Endpoint | None:
            found = connection.execute(
                "SELECT url, secret, paused FROM endpoint WHERE uid = ? AND kind = ?", (uid, kind)
            ).fetchone()
            if found is None:
                return None
            url, secret, paused = found
            return Endpoint(uid=uid, kind=kind, url=url, secret=secret, paused=bool(paused))

        return await self._database.run(job)

    async def put_endpoint(self, endpoint: Endpoint) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO endpoint (uid, kind, url, secret, paused) VALUES (?, ?, ?, ?, ?)",
                (endpoint.uid, endpoint.kind, endpoint.url, endpoint.secret, endpoint.paused),
            )

        await self._database.run(job)
