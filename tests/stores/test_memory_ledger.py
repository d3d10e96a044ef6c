"""The ledger in memory that models stand on keeps the contract of every ledger: the same suite, once more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import pytest

from stores import Stores
from tests.stores.conftest import Backend
from tests.stores.memory_ledger import MemoryLedger
from tests.stores.test_ledger import *  # noqa: F403  (every test of the suite, with the backend below)


@pytest.fixture
def backend() -> Backend:
    ledger = MemoryLedger()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stores]:
        yield cast("Stores", SimpleNamespace(ledger=ledger))

    return Backend(opened)
