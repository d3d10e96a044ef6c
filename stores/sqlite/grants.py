"""What users let us do at third parties, in SQLite."""

from __future__ import annotations

import sqlite3

from stores.sqlite.database import Database
from stores.sqlite.erasure import erase

SCHEMA = (
    """
    CREATE TABLE "grant" (
        uid TEXT NOT NULL,
        provider TEXT NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (uid, provider)
    ) WITHOUT ROWID
    """,
)


class SqliteGrants:
    """Implements `stores.grants.Grants`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grant(self, uid: str, provider: str) -> bytes | None:
        def job(connection: sqlite3.Connection) -> bytes | None:
            found = connection.execute(
                'SELECT sealed FROM "grant" WHERE uid = ? AND provider = ?', (uid, provider)
            ).fetchone()
            return None if found is None else bytes(found[0])

        return await self._database.run(job)

    async def keep(self, uid: str, provider: str, sealed: bytes) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute('INSERT OR REPLACE INTO "grant" VALUES (?, ?, ?)', (uid, provider, sealed))

        await self._database.run(job)

    async def remove(self, uid: str, provider: str) -> bool:
        def job(connection: sqlite3.Connection) -> bool:
            gone = connection.execute('DELETE FROM "grant" WHERE uid = ? AND provider = ?', (uid, provider))
            return gone.rowcount == 1

        return await self._database.run(job)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._database.run(
            lambda connection: erase(connection, '"grant"', "uid", owner, dry_run)
        )
