"""What the metrics tell of the dead letters, and which ones go in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.dead_letters.watch import DeadLetterWatch
from lanes import Telemetry
from stores import DeadLetters, StoreClosed
from stores.sqlite import SqliteStores, open_sqlite
from tests.handlers.conftest import Clock
from tests.handlers.pushes import LETTER, NOW, RAW

INTERVAL = timedelta(seconds=15)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW + timedelta(minutes=5))


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        await opened.dead_letters.add(LETTER)
        await opened.dead_letters.add(RAW)
        yield opened


def watching(
    letters: DeadLetters, clock: Clock, **options: Callable[[float], object]
) -> tuple[DeadLetterWatch, Telemetry]:
    telemetry = Telemetry()
    watch = DeadLetterWatch(
        letters,
        telemetry,
        retention=timedelta(days=90),
        interval=INTERVAL,
        clock=clock,
        **options,  # type: ignore[arg-type]  # a test's shorthand
    )
    return watch, telemetry


def told(telemetry: Telemetry) -> dict[str, float]:
    lines = telemetry.exposition().decode().splitlines()
    found = [line.rpartition(" ") for line in lines if line.startswith("sidelane_dead_letter")]
    return {name.removeprefix("sidelane_dead_letter"): float(value) for name, _, value in found}


async def test_depth_and_age_are_told_by_queue_and_reason(stores: SqliteStores, clock: Clock) -> None:
    watch, telemetry = watching(stores.dead_letters, clock)
    assert told(telemetry) == {"s_swept_total": 0}
    await watch.look()
    clock.forward(seconds=10)
    used, undecodable = [
        f'{{queue="developer-webhooks",reason="{reason}"}}' for reason in ("attempts-used", "undecodable")
    ]
    assert told(telemetry) == {
        "s" + used: 1,
        "_oldest_seconds" + used: 310,
        "s" + undecodable: 1,
        "_oldest_seconds" + undecodable: 310,
        "s_counted_seconds_ago": 10,
        "s_swept_total": 0,
    }
    await stores.dead_letters.discard(RAW.id, reason="x", at=clock.now)
    await watch.look()
    assert "s" + undecodable not in told(telemetry)


async def test_a_scrape_asks_the_store_nothing_and_outlives_it(tmp_path: Path, clock: Clock) -> None:
    async with open_sqlite(tmp_path / "stores.sqlite3") as stores:
        await stores.dead_letters.add(LETTER)
        watch, telemetry = watching(stores.dead_letters, clock)
        await watch.look()
    with pytest.raises(StoreClosed):
        await stores.dead_letters.depths(limit=1)
    clock.forward(hours=1)
    await watch.look()
    assert told(telemetry)["s_counted_seconds_ago"] == 3600
    assert watch.statistics().depths[0].count == 1


async def test_it_looks_again_and_again_until_it_is_closed(stores: SqliteStores, clock: Clock) -> None:
    slept: list[float] = []
    paused, go_on = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        paused.set()
        await go_on.wait()
        go_on.clear()

    watch, _ = watching(stores.dead_letters, clock, sleep=sleep)
    async with watch:
        await paused.wait()
        assert len(watch.statistics().depths) == 2
        await stores.dead_letters.discard(RAW.id, reason="x", at=clock.now)
        paused.clear()
        go_on.set()
        await paused.wait()
        assert len(watch.statistics().depths) == 1
    assert slept == [INTERVAL.total_seconds()] * 2


async def test_what_was_decided_goes_after_its_retention_and_nothing_else(
    stores: SqliteStores, clock: Clock
) -> None:
    watch, telemetry = watching(stores.dead_letters, clock)
    await stores.dead_letters.mark_replayed(RAW.id, generation=1, at=clock.now)
    clock.forward(days=89)
    await watch.look()
    assert await stores.dead_letters.get(RAW.id) is not None
    clock.forward(days=2)
    await watch.look()
    assert await stores.dead_letters.get(RAW.id) is None
    assert await stores.dead_letters.get(LETTER.id) is not None
    assert told(telemetry)["s_swept_total"] == 1
