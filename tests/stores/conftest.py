"""One contract for every kind of storage: a test that takes `stores` runs once on each.

What one kind alone has is tested with that kind's own fixture: `sqlite_stores`, `firestore_stores`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import AsyncQuery, AsyncWriteBatch
from google.cloud.firestore_v1.async_aggregation import AsyncAggregationQuery

from lanes import Executor, ExecutorSettings
from stores import Stores
from stores.cloud_storage import CloudBlobs
from stores.firestore import FirestoreStores
from stores.local import LocalBlobs
from stores.sqlite import SqliteStores, open_sqlite
from tests.cloud_storage import CloudStorage, cloud_storage
from tests.firestore_emulator import Firestore
from tests.stores.indexes import Field, Indexes, Shape


@dataclass(frozen=True, slots=True)
class Backend:
    """A kind of storage, empty when its test starts."""

    open: Callable[[], AbstractAsyncContextManager[Stores]]
    """Opens the same data each time, as another process would."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a test asked Firestore and wrote to it."""

    asked: set[Shape] = field(default_factory=set)
    written: set[Field] = field(default_factory=set)


@pytest.fixture
def indexes() -> Indexes:
    return Indexes.read()


@pytest.fixture
def footprint(monkeypatch: pytest.MonkeyPatch, indexes: Indexes) -> Iterator[Footprint]:
    """Fails a test whose queries have no index, or that wrote a field whose index nobody decided on."""
    found = Footprint()
    ask, ask_count, commit = AsyncQuery.get, AsyncAggregationQuery.get, AsyncWriteBatch.commit

    async def asked(query: AsyncQuery, *args: Any, **kwargs: Any) -> Any:
        found.asked.add(Shape.of(query._to_protobuf()))
        return await ask(query, *args, **kwargs)

    async def written(batch: AsyncWriteBatch, *args: Any, **kwargs: Any) -> Any:
        for write in batch._write_pbs:
            if write.update.name:
                group = write.update.name.split("/")[-2]
                found.written.update(Field(group, name) for name in write.update.fields)
        return await commit(batch, *args, **kwargs)

    async def counted(count: AsyncAggregationQuery, *args: Any, **kwargs: Any) -> Any:
        found.asked.add(Shape.of(count._nested_query._to_protobuf()))
        return await ask_count(count, *args, **kwargs)

    monkeypatch.setattr(AsyncQuery, "get", asked)
    monkeypatch.setattr(AsyncAggregationQuery, "get", counted)
    monkeypatch.setattr(AsyncWriteBatch, "commit", written)
    yield found
    assert [shape for shape in found.asked if indexes.serving(shape) is None] == []
    assert found.written - indexes.single.keys() == set()


@pytest.fixture(params=["sqlite", "firestore"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "sqlite":
        return Backend(lambda: open_sqlite(tmp_path / "stores.sqlite3"))
    firestore: Firestore = request.getfixturevalue("firestore")
    request.getfixturevalue("footprint")
    return Backend(firestore.open)


@pytest.fixture
async def stores(backend: Backend) -> AsyncIterator[Stores]:
    async with backend.open() as opened:
        yield opened


@pytest.fixture
async def sqlite_stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        yield opened


@pytest.fixture
async def firestore_stores(firestore: Firestore, footprint: Footprint) -> AsyncIterator[FirestoreStores]:
    async with firestore.open() as opened:
        yield opened


@pytest.fixture
async def executor() -> AsyncIterator[Executor]:
    running = Executor(ExecutorSettings(name="storage", threads=2, max_waiting=64))
    await running.open()
    yield running
    await running.aclose()


@pytest.fixture
async def local(tmp_path: Path, executor: Executor) -> AsyncIterator[LocalBlobs]:
    opened = LocalBlobs(tmp_path / "blobs", executor)
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
async def gcs() -> AsyncIterator[CloudStorage]:
    async with cloud_storage("tasks") as running:
        yield running


@pytest.fixture
async def cloud(gcs: CloudStorage, executor: Executor) -> AsyncIterator[CloudBlobs]:
    opened = CloudBlobs("tasks", executor, project="p", prefix="blobs/", emulator=gcs.url, deadline=5.0)
    await opened.open()
    yield opened
    await opened.aclose()
