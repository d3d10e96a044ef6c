"""Enabling an endpoint, and which dead letters are what it missed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from contracts import DeadLetter, Envelope
from handlers.delivery import Reason, TargetFailed, TargetRefused
from handlers.endpoints import MISSED, enable, missed
from handlers.health import judged
from stores import Health
from stores.sqlite import SqliteStores, open_sqlite
from tests.handlers.conftest import START, Note

TARGET = "notebook"
AFTER = timedelta(days=5)


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        yield opened


async def no_sleep(_: float) -> None:
    return


async def fails(stores: SqliteStores, at: datetime, end: TargetFailed | TargetRefused) -> None:
    await stores.targets.change_health(TARGET, lambda known: judged(known, end, now=at, disable_after=AFTER))


async def dies(
    stores: SqliteStores, name: str, at: datetime, *, reason: str = Reason.ATTEMPTS_USED, target: str = TARGET
) -> None:
    envelope = Envelope.seal(Note(id=name, realtime=False), accepted_at=at, trace=None)
    await stores.dead_letters.add(
        DeadLetter.of(
            envelope, queue="developer-webhooks", target=target, reason=reason, detail="", died_at=at
        )
    )


async def names(stores: SqliteStores, health: Health) -> set[str]:
    return {kept.letter.identity async for kept in missed(TARGET, health, stores.dead_letters)}


async def enabled(stores: SqliteStores, at: datetime) -> Health:
    return await enable(TARGET, stores.targets, now=at, sleep=no_sleep)


async def test_missed_is_what_died_of_the_failure_since_it_began(stores: SqliteStores) -> None:
    day = timedelta(days=1)
    await dies(stores, "long before", START - day)
    await fails(stores, START, TargetFailed("500"))
    for reason in MISSED:
        await dies(stores, reason, START + day, reason=reason)
    await dies(stores, "a bug", START + day, reason=Reason.BUG)
    await dies(stores, "paused", START + day, reason=Reason.OWNER_PAUSED)
    await dies(stores, "of another", START + day, target="other")
    await fails(stores, START + 5 * day, TargetRefused(Reason.GONE, "410"))
    assert await names(stores, await enabled(stores, START + 6 * day)) == MISSED


async def test_doing_it_again_finds_the_same_until_somebody_decided(stores: SqliteStores) -> None:
    await fails(stores, START, TargetRefused(Reason.GONE, "410"))
    for name in "abc":
        await dies(stores, name, START)
    first = await enabled(stores, START + timedelta(hours=1))
    assert await enabled(stores, START + timedelta(hours=2)) == first
    kept = [letter async for letter in missed(TARGET, first, stores.dead_letters)]
    await stores.dead_letters.mark_replayed(kept[0].letter.id, generation=1, at=START)
    await stores.dead_letters.discard(kept[1].letter.id, reason="of no use", at=START)
    assert await names(stores, first) == {kept[2].letter.identity}


async def test_an_endpoint_that_never_failed_missed_nothing(stores: SqliteStores) -> None:
    await dies(stores, "a", START)
    health = await enabled(stores, START)
    assert health == Health()
    assert await names(stores, health) == set()


async def test_it_returns_when_every_instance_goes_by_it(stores: SqliteStores) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        assert (await stores.targets.health(TARGET)).disabled_at is None
        slept.append(seconds)

    await fails(stores, START, TargetRefused(Reason.GONE, "410"))
    for _ in range(2):
        await enable(TARGET, stores.targets, now=START, sleep=sleep)
    assert len(slept) == 1
    assert slept[0] >= 1
