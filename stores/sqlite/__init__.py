"""The stores on one machine: all of them in one SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stores.sqlite import schema
from stores.sqlite.apps import SqliteApps
from stores.sqlite.database import Database, DatabaseStatistics
from stores.sqlite.dead_letters import SqliteDeadLetters
from stores.sqlite.devices import SqliteDevices
from stores.sqlite.directory import SqliteDirectory
from stores.sqlite.grants import SqliteGrants
from stores.sqlite.ledger import SqliteLedger
from stores.sqlite.places import SqlitePlaces
from stores.sqlite.speech import SqliteSpeechResults
from stores.sqlite.targets import SqliteTargetStates

__all__ = (
    "Database",
    "DatabaseStatistics",
    "SqliteApps",
    "SqliteDeadLetters",
    "SqliteDevices",
    "SqliteDirectory",
    "SqliteGrants",
    "SqliteLedger",
    "SqlitePlaces",
    "SqliteSpeechResults",
    "SqliteStores",
    "SqliteTargetStates",
    "open_sqlite",
)


@dataclass(frozen=True, slots=True)
class SqliteStores:
    ledger: SqliteLedger
    directory: SqliteDirectory
    dead_letters: SqliteDeadLetters
    devices: SqliteDevices
    targets: SqliteTargetStates
    places: SqlitePlaces
    speech: SqliteSpeechResults
    apps: SqliteApps
    grants: SqliteGrants


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator[SqliteStores]:
    """Open every store of one file, and close them at the end.

    A file of an earlier release is brought up to date.

    Raises:
        SchemaTooNew: a later release has changed the file.
        StoreUnavailable: it cannot be opened.
    """
    database = Database(path, schema.STEPS)
    await database.open()
    try:
        yield SqliteStores(
            ledger=SqliteLedger(database),
            directory=SqliteDirectory(database),
            dead_letters=SqliteDeadLetters(database),
            devices=SqliteDevices(database),
            targets=SqliteTargetStates(database),
            places=SqlitePlaces(database),
            speech=SqliteSpeechResults(database),
            apps=SqliteApps(database),
            grants=SqliteGrants(database),
        )
    finally:
        await database.aclose()
