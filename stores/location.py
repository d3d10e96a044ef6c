"""Where the stores are: in a SQLite file or a Firestore database; opens them there. Keeps nothing itself."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from lanes import in_thread
from stores.sqlite import open_sqlite
from stores.stores import Stores

_FIRESTORE = "firestore:"
_SQLITE = "sqlite:"
_DATABASE = re.compile(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]")
"""The ids that Firestore gives to databases."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file for the processes of one machine."""

    path: Path
    on_purpose: bool = False
    """`sqlite:` was said in front, so it is meant even where files do not last."""

    def __str__(self) -> str:
        return f"{_SQLITE}{self.path}" if self.on_purpose else str(self.path)


@dataclass(frozen=True, slots=True)
class FirestoreDatabase:
    """A database in native mode, for any number of instances."""

    name: str

    def __str__(self) -> str:
        return f"{_FIRESTORE}{self.name}"


Location = SqliteFile | FirestoreDatabase


def location(value: object) -> Location:
    """Read PATH, sqlite:PATH or firestore:DATABASE; a location stays what it is. Raises ValueError."""
    if isinstance(value, SqliteFile | FirestoreDatabase):
        return value
    text = str(value)
    if text.startswith(_FIRESTORE):
        name = text.removeprefix(_FIRESTORE)
        if not _DATABASE.fullmatch(name):
            raise ValueError(
                f"{name!r} is no id of a Firestore database, as `(default)` is: firestore:(default)"
            )
        return FirestoreDatabase(name)
    path = text.removeprefix(_SQLITE)
    if not path or "://" in path:
        raise ValueError("must be a SQLite file as PATH or sqlite:PATH, or firestore:DATABASE")
    return SqliteFile(Path(path), on_purpose=text.startswith(_SQLITE))


@asynccontextmanager
async def open_stores(where: Location, *, project: str, emulator: str | None = None) -> AsyncIterator[Stores]:
    """Open every store until the block ends.

    Args:
        project: the Google Cloud project of a Firestore database.
        emulator: HOST:PORT of Google's Firestore emulator; a SQLite file has no use for it.

    Raises:
        SchemaTooNew: a later release has changed the file.
        StoreUnavailable: the file cannot be opened, or there are no credentials for Firestore.
    """
    if isinstance(where, SqliteFile):
        async with open_sqlite(where.path) as in_file:
            yield in_file
        return
    # Google's client takes most of a second to import: a file should not cost that, nor the loop wait for it.
    await in_thread(import_module, "stores.firestore")
    from stores.firestore import open_firestore

    async with open_firestore(project=project, database=where.name, emulator=emulator) as in_firestore:
        yield in_firestore
