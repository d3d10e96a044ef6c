"""The devices in SQLite."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from stores.devices import MAX_DEVICES, Device, Platform
from stores.sqlite.database import Database
from stores.sqlite.erasure import erase

SCHEMA = (
    """
    CREATE TABLE device (
        digest TEXT NOT NULL PRIMARY KEY,
        uid TEXT NOT NULL,
        token TEXT NOT NULL,
        platform TEXT NOT NULL,
        added_us INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX device_by_user ON device (uid, added_us DESC, digest)",
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SqliteDevices:
    """Implements `stores.devices.Devices`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, device: Device) -> None:
        added_us = (device.added_at - _EPOCH) // _MICROSECOND

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO device (digest, uid, token, platform, added_us) "
                "VALUES (?, ?, ?, ?, ?)",
                (device.digest, device.uid, device.token, device.platform, added_us),
            )
            connection.execute(
                "DELETE FROM device WHERE digest IN (SELECT digest FROM device WHERE uid = ? "
                "ORDER BY added_us DESC, digest LIMIT -1 OFFSET ?)",
                (device.uid, MAX_DEVICES),
            )

        await self._database.run(job)

    async def of(self, uid: str) -> tuple[Device, ...]:
        def job(connection: sqlite3.Connection) -> tuple[Device, ...]:
            found = connection.execute(
                "SELECT uid, token, platform, added_us FROM device WHERE uid = ? "
                "ORDER BY added_us DESC, digest",
                (uid,),
            )
            return tuple(_device(row) for row in found)

        return await self._database.run(job)

    async def remove(self, uid: str, device_id: str) -> bool:
        def job(connection: sqlite3.Connection) -> bool:
            removed = connection.execute(
                "DELETE FROM device WHERE uid = ? AND substr(digest, 1, 16) = ?", (uid, device_id)
            )
            return removed.rowcount > 0

        return await self._database.run(job)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._database.run(lambda connection: erase(connection, "device", "uid", owner, dry_run))


def _device(row: tuple[str, str, Platform, int]) -> Device:
    uid, token, platform, added_us = row
    return Device(uid=uid, token=token, platform=platform, added_at=_EPOCH + added_us * _MICROSECOND)
