"""The contract of a store of target states."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lanes import Phase
from stores import Health, Stores, TargetState, TargetStates, Traffic

NOW = datetime(2026, 1, 1, 12, 30, 0, 250, tzinfo=UTC)
OPEN = Traffic(phase=Phase.OPEN, since=1.25, retry_at=31.25, booked_until=40.5)
FAILING = Health(
    failing_since=NOW,
    told=90,
    told_at=NOW,
    disabled_at=NOW,
    disabled_for="failing",
    enabled_at=NOW,
    missed_since=NOW,
)


@pytest.fixture
def targets(stores: Stores) -> TargetStates:
    return stores.targets


async def test_of_a_target_that_is_new_everything_has_its_default(targets: TargetStates) -> None:
    assert await targets.read("q", "t") == TargetState()
    assert await targets.health("t") == Health()


async def test_traffic_is_of_one_queue_and_health_of_the_target(targets: TargetStates) -> None:
    assert await targets.change_traffic("q", "t", lambda _: OPEN) == OPEN
    assert await targets.change_health("t", lambda _: FAILING) == FAILING
    assert await targets.read("q", "t") == TargetState(traffic=OPEN, health=FAILING)
    assert await targets.read("r", "t") == TargetState(health=FAILING)
    assert await targets.read("q", "u") == TargetState()
    assert await targets.health("t") == FAILING


async def test_a_change_starts_from_what_is_there(targets: TargetStates) -> None:
    await targets.change_traffic("q", "t", lambda _: OPEN)
    await targets.change_traffic("q", "t", lambda known: replace(known, booked_until=50.0))
    await targets.change_health("t", lambda _: FAILING)
    await targets.change_health("t", lambda known: replace(known, told=100))
    known = await targets.read("q", "t")
    assert known.traffic == replace(OPEN, booked_until=50.0)
    assert known.health == replace(FAILING, told=100)


async def test_of_changes_at_once_none_is_lost(targets: TargetStates) -> None:
    def longer(known: Traffic) -> Traffic:
        return replace(known, booked_until=known.booked_until + 1)

    def more(known: Health) -> Health:
        return replace(known, told=known.told + 1)

    await asyncio.gather(*(targets.change_traffic("q", "t", longer) for _ in range(20)))
    await asyncio.gather(*(targets.change_health("t", more) for _ in range(20)))
    known = await targets.read("q", "t")
    assert (known.traffic.booked_until, known.health.told) == (20.0, 20)


async def test_a_change_that_fails_changes_nothing(targets: TargetStates) -> None:
    await targets.change_traffic("q", "t", lambda _: OPEN)

    def refuse(_: Traffic) -> Traffic:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await targets.change_traffic("q", "t", refuse)
    assert (await targets.read("q", "t")).traffic == OPEN


async def test_a_target_is_forgotten_for_every_queue(targets: TargetStates) -> None:
    for queue in ("q", "r"):
        await targets.change_traffic(queue, "t", lambda _: OPEN)
    await targets.change_traffic("q", "u", lambda _: OPEN)
    await targets.change_health("t", lambda _: FAILING)
    await targets.forget("t")
    assert await targets.read("q", "t") == await targets.read("r", "t") == TargetState()
    assert (await targets.read("q", "u")).traffic == OPEN
