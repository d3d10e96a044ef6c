"""One contract for every kind of storage: a test that takes `stores` runs once on each.

What one kind alone has yet is tested with that kind's own fixture: `sqlite_stores`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from stores import Stores
from stores.firestore import open_firestore
from stores.sqlite import SqliteStores, open_sqlite
from tests.firestore_emulator import Firestore

FIRESTORE_DEADLINE = 30.0
"""Seconds: the emulator's first answers take as long as its JVM needs to warm up."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A kind of storage, empty when its test starts."""

    open: Callable[[], AbstractAsyncContextManager[Stores]]
    """Opens the same data each time, as another process would."""


@pytest.fixture(params=["sqlite", "firestore"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "sqlite":
        return Backend(lambda: open_sqlite(tmp_path / "stores.sqlite3"))
    firestore: Firestore = request.getfixturevalue("firestore")
    return Backend(
        lambda: open_firestore(
            project=firestore.project,
            database=firestore.database,
            emulator=firestore.host,
            deadline=FIRESTORE_DEADLINE,
        )
    )


@pytest.fixture
async def stores(backend: Backend) -> AsyncIterator[Stores]:
    async with backend.open() as opened:
        yield opened


@pytest.fixture
async def sqlite_stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        yield opened
