"""The SQLite thread: one flush for many, a failing job alone, loud when closed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from stores import StoreClosed, StoreUnavailable
from stores.sqlite import Database

STEPS = (("CREATE TABLE note (text TEXT PRIMARY KEY)",),)


async def add(database: Database, text: str) -> int:
    return await database.run(
        lambda connection: connection.execute("INSERT INTO note VALUES (?)", (text,)).rowcount
    )


async def texts(database: Database) -> list[str]:
    return await database.run(lambda c: [row[0] for row in c.execute("SELECT text FROM note ORDER BY text")])


async def test_jobs_that_wait_together_share_a_commit(tmp_path: Path) -> None:
    database = Database(tmp_path / "notes.sqlite3", STEPS)
    await database.open()
    await asyncio.gather(*(add(database, f"{number:03}") for number in range(200)))
    statistics = database.statistics()
    await database.aclose()
    assert statistics.jobs == 200
    assert statistics.commits < 100
    assert statistics.pending == 0


async def test_a_job_that_fails_is_undone_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "notes.sqlite3", STEPS)
    await database.open()

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO note VALUES ('half')")
        raise LookupError("the other half is missing")

    results = await asyncio.gather(
        add(database, "a"), database.run(half), add(database, "b"), return_exceptions=True
    )
    assert [type(result) for result in results] == [int, LookupError, int]
    assert await texts(database) == ["a", "b"]
    with pytest.raises(StoreUnavailable, match="nothing was changed"):
        await add(database, "a")
    await database.aclose()


async def test_a_job_whose_caller_left_is_not_run(tmp_path: Path) -> None:
    database = Database(tmp_path / "notes.sqlite3", STEPS)
    await database.open()
    turn = threading.Event()
    busy = asyncio.ensure_future(database.run(lambda _: turn.wait()))
    left = asyncio.ensure_future(add(database, "left"))
    stayed = asyncio.ensure_future(add(database, "stayed"))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    turn.set()
    await asyncio.gather(busy, stayed)
    assert await texts(database) == ["stayed"]
    await database.aclose()


async def test_it_is_loud_when_it_is_not_open(tmp_path: Path) -> None:
    database = Database(tmp_path / "notes.sqlite3", STEPS)
    with pytest.raises(StoreClosed, match="open"):
        await texts(database)
    await database.open()
    await database.aclose()
    with pytest.raises(StoreClosed):
        await texts(database)


async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=f"{tmp_path.name} cannot be opened"):
        await Database(tmp_path, STEPS).open()


async def test_closing_commits_what_waits(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite3"
    database = Database(path, STEPS)
    await database.open()
    waiting = [asyncio.ensure_future(add(database, str(number))) for number in range(10)]
    await asyncio.gather(*waiting)
    await database.aclose()
    again = Database(path, STEPS)
    await again.open()
    assert len(await texts(again)) == 10
    await again.aclose()


async def test_a_job_may_run_twice_and_counts_once(tmp_path: Path) -> None:
    """Where one of a commit fails, the others are run again."""
    database = Database(tmp_path / "notes.sqlite3", STEPS)
    await database.open()
    turn = threading.Event()
    busy = asyncio.ensure_future(database.run(lambda _: turn.wait()))
    runs: list[str] = []

    def noted(connection: sqlite3.Connection) -> int:
        runs.append("a")
        return connection.execute("INSERT INTO note VALUES ('a')").rowcount

    def failing(_: sqlite3.Connection) -> None:
        raise LookupError

    together = [asyncio.ensure_future(database.run(job)) for job in (noted, failing)]
    await asyncio.sleep(0)
    turn.set()
    await busy
    results = await asyncio.gather(*together, return_exceptions=True)
    assert (results[0], type(results[1])) == (1, LookupError)
    assert runs == ["a", "a"]
    assert await texts(database) == ["a"]
    await database.aclose()
