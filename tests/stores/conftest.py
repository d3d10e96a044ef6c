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
from stores.sqlite import SqliteStores, open_sqlite


@dataclass(frozen=True, slots=True)
class Backend:
    """A kind of storage, empty when its test starts."""

    open: Callable[[], AbstractAsyncContextManager[Stores]]
    """Opens the same data each time, as another process would."""


@pytest.fixture(params=["sqlite"])
def backend(tmp_path: Path) -> Backend:
    return Backend(lambda: open_sqlite(tmp_path / "stores.sqlite3"))


@pytest.fixture
async def stores(backend: Backend) -> AsyncIterator[Stores]:
    async with backend.open() as opened:
        yield opened


@pytest.fixture
async def sqlite_stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        yield opened
