"""Everything that is remembered is read back whole: by another process, and by every later release."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import AsyncClient

from stores.firestore.connection import Connection
from tests.firestore_emulator import DEADLINE, Firestore
from tests.stores.conftest import Backend
from tests.stores.indexes import Indexes
from tests.stores.remembered import EXPECTED, recalled, remember

GOLDEN = Path(__file__).parent / "golden"
"""`firestore_*.json`: documents as releases wrote them, by their paths, from `tests.stores.remembered`.

A release that writes another form adds a file with what `documents` finds then; the older ones stay.
"""


@asynccontextmanager
async def client(firestore: Firestore) -> AsyncIterator[AsyncClient]:
    connection = Connection(
        project=firestore.name, database="(default)", emulator=firestore.host, deadline=DEADLINE
    )
    try:
        yield await connection.open()
    finally:
        await connection.aclose()


async def documents(database: AsyncClient) -> dict[str, dict[str, Any]]:
    """All there is, in JSON."""
    found: dict[str, dict[str, Any]] = {}
    async for collection in database.collections():
        for snapshot in await collection.get():
            values = snapshot.to_dict() or {}
            found[snapshot.reference.path] = {name: _plain(value) for name, value in values.items()}
    return found


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _stored(value: object) -> object:
    match value:
        case {"moment": str(moment)}:
            return datetime.fromisoformat(moment)
        case {"bytes": str(text)}:
            return base64.b64decode(text)
    return value


async def test_another_process_reads_it(backend: Backend) -> None:
    async with backend.open() as first:
        await remember(first)
    async with backend.open() as second:
        assert await recalled(second) == EXPECTED


@pytest.fixture(params=sorted(GOLDEN.glob("firestore_*.json")), ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    path: Path = request.param
    content: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return content


async def test_documents_of_earlier_releases_are_read(
    firestore: Firestore, golden: dict[str, dict[str, Any]]
) -> None:
    async with client(firestore) as database:
        for path, values in golden.items():
            await database.document(path).set({name: _stored(value) for name, value in values.items()})
    async with firestore.open() as stores:
        assert await recalled(stores) == EXPECTED


async def test_every_collection_is_among_them(firestore: Firestore, indexes: Indexes) -> None:
    async with firestore.open() as stores:
        await remember(stores)
    async with client(firestore) as database:
        collections = {path.split("/")[0] for path in await documents(database)}
    assert collections == {field.group for field in indexes.single} - {"sidelane_parts"}
