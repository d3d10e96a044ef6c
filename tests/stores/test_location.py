"""What names a place of the stores, and that they are opened there."""

from __future__ import annotations

from pathlib import Path

import pytest

from stores import FirestoreDatabase, SqliteFile, location, open_stores
from tests.firestore_emulator import Firestore
from tests.stores.starts import start
from tests.stores.test_ledger import KEY


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("stores.sqlite3", SqliteFile(Path("stores.sqlite3"))),
        ("/data/a:b.sqlite3", SqliteFile(Path("/data/a:b.sqlite3"))),
        ("sqlite:/data/x", SqliteFile(Path("/data/x"), on_purpose=True)),
        ("firestore:(default)", FirestoreDatabase("(default)")),
        ("firestore:side-lane-2", FirestoreDatabase("side-lane-2")),
    ],
)
def test_a_place_is_read_and_told_alike(text: str, where: SqliteFile | FirestoreDatabase) -> None:
    assert location(text) == where
    assert str(where) == text
    assert location(where) is where


@pytest.mark.parametrize("text", ["", "sqlite:", "postgres://x", "firestore:", "firestore:A/b"])
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="firestore:"):
        location(text)


async def test_a_file_is_opened(tmp_path: Path) -> None:
    where = SqliteFile(tmp_path / "stores.sqlite3")
    async with open_stores(where, project="p") as stores:
        await stores.ledger.claim(start(KEY))
    async with open_stores(where, project="q") as again:
        assert await again.ledger.read(KEY) is not None


async def test_a_database_is_opened_by_project_and_name(firestore: Firestore) -> None:
    async def has_row(project: str, name: str) -> bool:
        where = FirestoreDatabase(name)
        async with open_stores(where, project=project, emulator=firestore.host) as stores:
            return await stores.ledger.read(KEY) is not None

    async with open_stores(
        FirestoreDatabase("one"), project=firestore.name, emulator=firestore.host
    ) as stores:
        await stores.ledger.claim(start(KEY))
    assert await has_row(firestore.name, "one")
    assert not await has_row(firestore.name, "two")
    assert not await has_row(f"{firestore.name}-2", "one")
