"""Files of earlier releases: brought up to date once, whole or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stores import Key, SchemaTooNew, Settled, SigningKey, StoreUnavailable
from stores.sqlite import open_sqlite
from stores.sqlite.migrations import migrate
from stores.sqlite.schema import STEPS
from tests.stores.starts import start

GOLDEN = Path(__file__).parent / "golden"
"""Dumps of files as releases left them, named by their schema's version."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file from before there were versions."""
    path = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / "version_0.sql").read_text(encoding="utf-8"))
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)


def columns(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for (name,) in tables}


async def test_an_old_file_keeps_what_it_holds(old: Path) -> None:
    async with open_sqlite(old) as stores:
        one = await stores.directory.endpoint("u1", "memory_created")
        other = await stores.directory.endpoint("u2", "day_summary")
        assert one is not None
        assert other is not None
        assert one.keys == (SigningKey(secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),)
        assert (one.url, one.paused, other.paused) == ("https://example.com/hook?x=1", False, True)
        key = Key("developer-webhook", "memory_created/u1/1/0", 0)
        assert isinstance(await stores.ledger.claim(start(key)), Settled)
        letter = await stores.dead_letters.get("c6eeb5320c3fac00")
        assert letter is not None
        assert letter.letter.body == b"junk"


async def test_an_old_file_ends_up_like_a_new_one(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.sqlite3"
    for path in (old, new, old):
        async with open_sqlite(path):
            pass
    assert await asyncio.to_thread(columns, old) == await asyncio.to_thread(columns, new)
    assert await asyncio.to_thread(version, old) == len(STEPS)


@pytest.mark.parametrize("held", [2, 0])
async def test_processes_that_open_it_at_once_take_each_step_once(
    old: Path, tmp_path: Path, held: int
) -> None:
    path = old if held else tmp_path / "new.sqlite3"

    async def opened() -> int:
        async with open_sqlite(path) as stores:
            return len(await stores.directory.endpoints(limit=10))

    assert await asyncio.gather(*(opened() for _ in range(8))) == [held] * 8


async def test_a_file_of_a_later_release_is_left_alone(old: Path) -> None:
    async with open_sqlite(old):
        pass
    await asyncio.to_thread(execute, old, "PRAGMA user_version = 99")
    with pytest.raises(SchemaTooNew, match=r"old\.sqlite3 cannot be opened.*version 99.*install the release"):
        async with open_sqlite(old):
            pass
    assert await asyncio.to_thread(version, old) == 99


async def test_a_step_that_fails_leaves_the_file_as_it_was(old: Path) -> None:
    await asyncio.to_thread(
        execute, old, "ALTER TABLE endpoint ADD COLUMN keys TEXT"
    )  # as the second step will
    before = await asyncio.to_thread(columns, old)
    with pytest.raises(StoreUnavailable, match="duplicate column"):
        async with open_sqlite(old):
            pass
    assert await asyncio.to_thread(columns, old) == before
    assert await asyncio.to_thread(version, old) == 0


def test_steps_are_taken_from_where_the_file_is() -> None:
    steps = [("CREATE TABLE a (x)",), ("INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)")]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for known in (steps[:1], steps, steps, [*steps, ("UPDATE a SET x = x * 10",)]):
            migrate(connection, known)
        assert connection.execute("SELECT x FROM a").fetchall() == [(10,), (20,)]
