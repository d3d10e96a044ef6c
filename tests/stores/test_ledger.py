"""The contract of a ledger store: it keeps what the rules say, for all its callers at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from contracts import Position
from stores import Key, Ledger, Outcome, OutcomeKind, Settled, Started, Stores
from tests.stores.conftest import Backend

KEY = Key("developer-webhook", "memory_created/u/1/0", 0)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Position(attempt=1, park=0)
SECOND = Position(attempt=2, park=0)
RETRY = Outcome(
    kind=OutcomeKind.RETRY,
    reason="target-failed",
    detail="answered 500",
    decided_at=NOW,
    due=NOW,
    next=SECOND,
)


async def test_what_was_recorded_is_read_back_whole(stores: Stores) -> None:
    ledger: Ledger = stores.ledger
    await ledger.claim(KEY, FIRST)
    assert await ledger.record(KEY, FIRST, RETRY) == RETRY
    row = await ledger.read(KEY)
    assert row is not None
    assert (row.outcome, row.position, row.starts) == (RETRY, FIRST, 0)
    assert [(ended.position, ended.outcome) for ended in row.history] == [(FIRST, RETRY)]


async def test_it_outlives_the_process(backend: Backend) -> None:
    async with backend.open() as first:
        await first.ledger.claim(KEY, FIRST)
        await first.ledger.record(KEY, FIRST, RETRY)
    async with backend.open() as second:
        assert await second.ledger.claim(KEY, FIRST) == Settled(RETRY)


async def test_of_many_outcomes_at_once_one_stands(stores: Stores) -> None:
    await stores.ledger.claim(KEY, FIRST)
    offers = [RETRY.model_copy(update={"detail": str(number)}) for number in range(20)]
    standing = await asyncio.gather(*(stores.ledger.record(KEY, FIRST, offer) for offer in offers))
    assert len({outcome.detail for outcome in standing if outcome}) == 1


async def test_two_processes_see_one_row(backend: Backend) -> None:
    async with backend.open() as one, backend.open() as other:
        await one.ledger.claim(KEY, FIRST)
        claimed = await other.ledger.claim(KEY, FIRST)
        assert isinstance(claimed, Started)
        assert claimed.row.starts == 2


async def test_release_takes_a_start_back(stores: Stores) -> None:
    await stores.ledger.claim(KEY, FIRST)
    await stores.ledger.release(KEY)
    row = await stores.ledger.read(KEY)
    assert row is not None
    assert row.starts == 0
    await stores.ledger.release(Key("unknown", "nobody", 0))
    assert await stores.ledger.read(Key("unknown", "nobody", 0)) is None


async def test_latest_is_the_highest_generation(stores: Stores) -> None:
    assert await stores.ledger.latest(KEY.type, KEY.identity) is None
    for generation in (0, 10, 9):
        await stores.ledger.claim(KEY._replace(generation=generation), FIRST)
    latest = await stores.ledger.latest(KEY.type, KEY.identity)
    assert latest is not None
    assert latest.key.generation == 10
