"""The store on a real file: durable when it says so, each job for itself, bounded."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.errors import StoreClosedError, StoreError
from emulator.store import Store

SCHEMA = ("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",)


def insert(text: str) -> InsertJob:
    return InsertJob(text)


class InsertJob:
    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, connection: sqlite3.Connection) -> int:
        cursor = connection.execute("INSERT INTO notes (text) VALUES (?)", (self._text,))
        assert cursor.lastrowid is not None
        return cursor.lastrowid


def texts(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY id")]


class Gate:
    """A job that holds the writer thread until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _: sqlite3.Connection) -> None:
        self.entered.set()
        assert self.opened.wait(20)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path / "folder" / "notes.db", schema=SCHEMA, max_pending=8, max_batch=4)
    await store.open()
    yield store
    await store.aclose()


async def test_a_write_is_on_disk_when_it_returns(store: Store, tmp_path: Path) -> None:
    assert await store.write(insert("a")) == 1

    def read_by_another() -> list[str]:
        connection = sqlite3.connect(tmp_path / "folder" / "notes.db")
        try:
            return texts(connection)
        finally:
            connection.close()

    assert await asyncio.to_thread(read_by_another) == ["a"]
    assert await store.read(texts) == ["a"]


async def test_it_is_durable_and_in_wal_mode(store: Store) -> None:
    assert await store.write(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()) == (
        "wal",
    )
    full = 2
    assert await store.write(lambda connection: connection.execute("PRAGMA synchronous").fetchone()) == (
        full,
    )


async def test_writes_that_wait_together_are_committed_together_in_order(store: Store) -> None:
    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await asyncio.to_thread(gate.entered.wait)
    writes = [asyncio.create_task(store.write(insert(text))) for text in "abcd"]
    await asyncio.sleep(0)
    gate.opened.set()
    assert await asyncio.gather(held, *writes) == [None, 1, 2, 3, 4]
    assert store.statistics().commits_total == 2
    assert store.statistics().written_total == 5


async def test_a_job_that_raises_is_rolled_back_alone(store: Store) -> None:
    def half_done(connection: sqlite3.Connection) -> None:
        insert("half")(connection)
        raise ValueError("no further")

    results = await asyncio.gather(
        store.write(insert("a")),
        store.write(half_done),
        store.write(insert("a")),
        store.write(insert("b")),
        return_exceptions=True,
    )
    assert results[0] == 1
    assert isinstance(results[1], ValueError)
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert await store.read(texts) == ["a", "b"]
    assert store.statistics().failed_total == 2


async def test_a_failed_commit_fails_its_whole_batch_and_the_next_one_works(store: Store) -> None:
    def spoil(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")  # the commit finds no transaction

    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await asyncio.to_thread(gate.entered.wait)
    writes = [asyncio.create_task(store.write(job)) for job in (insert("a"), spoil)]
    await asyncio.sleep(0)
    gate.opened.set()
    await held
    for result in await asyncio.gather(*writes, return_exceptions=True):
        assert isinstance(result, StoreError)
    assert await store.write(insert("b")) == 1
    assert await store.read(texts) == ["b"]


async def test_a_caller_beyond_the_bound_waits_its_turn(store: Store) -> None:
    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await asyncio.to_thread(gate.entered.wait)
    writes = [asyncio.create_task(store.write(insert(str(number)))) for number in range(20)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert store.statistics().pending == store.statistics().max_pending == 8
    gate.opened.set()
    await asyncio.gather(held, *writes)
    assert await store.read(texts) == [str(number) for number in range(20)]
    assert store.statistics().pending == 0


async def test_a_cancelled_caller_gives_its_place_back(store: Store) -> None:
    gate = Gate()
    held = asyncio.create_task(store.write(gate))
    await asyncio.to_thread(gate.entered.wait)
    cancelled = [asyncio.create_task(store.write(insert(str(number)))) for number in range(10)]
    for _ in range(3):
        await asyncio.sleep(0)
    for write in cancelled:
        write.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
    gate.opened.set()
    await held
    writes = await asyncio.gather(*(store.write(insert(f"later {number}")) for number in range(20)))
    assert len(writes) == 20
    assert store.statistics().pending == 0


async def test_what_follows_a_write_follows_though_its_caller_left_and_not_if_it_failed(store: Store) -> None:
    followed: list[int] = []
    left = asyncio.create_task(store.write(insert("a"), followed.append))
    await asyncio.sleep(0)
    left.cancel()
    await store.write(insert("b"), followed.append)
    with pytest.raises(sqlite3.IntegrityError):
        await store.write(insert("b"), followed.append)
    assert left.cancelled()
    assert followed == [1, 2]


async def test_a_defect_in_what_follows_a_write_is_its_callers_alone(store: Store) -> None:
    def fail(_: int) -> None:
        raise ValueError("no further")

    failed, written = await asyncio.gather(
        store.write(insert("a"), fail), store.write(insert("b")), return_exceptions=True
    )
    assert isinstance(failed, ValueError)
    assert written == 2
    assert await store.read(texts) == ["a", "b"]


async def test_closing_commits_what_was_handed_over(tmp_path: Path) -> None:
    store = Store(tmp_path / "notes.db", schema=SCHEMA)
    await store.open()
    writes = [asyncio.create_task(store.write(insert(str(number)))) for number in range(50)]
    await asyncio.sleep(0)
    await store.aclose()
    await store.aclose()
    await asyncio.gather(*writes)
    with pytest.raises(StoreClosedError):
        await store.write(insert("late"))
    with pytest.raises(StoreClosedError):
        await store.read(texts)
    again = Store(tmp_path / "notes.db", schema=SCHEMA)
    await again.open()
    assert len(await again.read(texts)) == 50
    await again.aclose()


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await store.read(insert("a"))
    assert await store.read(texts) == []


async def test_a_second_emulator_on_the_same_file_is_refused(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "folder" / "notes.db", schema=SCHEMA)
    with pytest.raises(StoreError, match="in use by another emulator"):
        await other.open()
    await store.write(insert("a"))


async def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    await asyncio.to_thread(path.write_bytes, b"not a database" * 100)
    with pytest.raises(StoreError, match=r"cannot open the database .*notes\.db: file is not a database"):
        await Store(path, schema=SCHEMA).open()
