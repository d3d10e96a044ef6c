"""A real SQLite file with every store in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stores.sqlite import SqliteStores, open_sqlite


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        yield opened
