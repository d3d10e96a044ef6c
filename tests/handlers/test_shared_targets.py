"""Two instances on one store: together they are to a target what one of them would be."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from handlers.delivery import Busy, NotWanted, Reason, Returned
from handlers.recent import Recent
from stores import Health, StoreUnavailable, TargetState, TargetStates, Traffic
from stores.sqlite import open_sqlite
from tests.handlers.conftest import START, Clock
from tests.handlers.test_targets import BACK, FAILED, FIRST, QUEUE, Line, held

RATE = 4.0
"""Of `QUEUE`, a second."""


class MayBeAway:
    """A store that a test takes away."""

    def __init__(self, states: TargetStates) -> None:
        self._states = states
        self.is_away = False

    async def read(self, queue: str, target: str) -> TargetState:
        self._check()
        return await self._states.read(queue, target)

    async def change_traffic(self, queue: str, target: str, change: Callable[[Traffic], Traffic]) -> Traffic:
        self._check()
        return await self._states.change_traffic(queue, target, change)

    async def health(self, target: str) -> Health:
        self._check()
        return await self._states.health(target)

    async def change_health(self, target: str, change: Callable[[Health], Health]) -> Health:
        self._check()
        return await self._states.change_health(target, change)

    async def forget(self, target: str) -> None:
        self._check()
        await self._states.forget(target)

    def _check(self) -> None:
        if self.is_away:
            raise StoreUnavailable("the store is away")


@pytest.fixture
async def states(tmp_path: Path) -> AsyncIterator[MayBeAway]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as stores:
        yield MayBeAway(stores.targets)


class Two:
    """Two instances on one clock."""

    def __init__(self, states: TargetStates) -> None:
        self.clock = Clock()
        self.a = Line(states, clock=self.clock)
        self.b = Line(states, clock=self.clock)

    @property
    def instances(self) -> tuple[Line, Line]:
        return self.a, self.b

    async def delivered(self, arrivals: list[float]) -> list[float]:
        """When each call went, in seconds; they come to both in turns, and again at their slots."""
        waiting = [(at, number, FIRST) for number, at in enumerate(arrivals)]
        heapq.heapify(waiting)
        went = []
        while waiting:
            at, number, call = heapq.heappop(waiting)
            self.clock.now = max(self.clock.now, START + timedelta(seconds=at))
            end = await self.instances[number % 2].run(call=call)
            if isinstance(end, Busy):
                heapq.heappush(waiting, ((end.until - START).total_seconds(), number, BACK))
            else:
                went.append(at)
        return went


@pytest.fixture
def two(states: MayBeAway) -> Two:
    return Two(states)


def read(line: Line, metric: str) -> float:
    return next(sample.value for sample in line.targets.samples() if sample.metric == metric)


async def test_a_breaker_that_opens_in_one_is_open_in_the_other_within_a_second(two: Two) -> None:
    await two.b.run()
    await two.a.opened()
    two.clock.forward(seconds=1)
    assert await two.b.parked() == pytest.approx(29)
    assert await two.a.parked() == pytest.approx(29.25)


async def test_there_is_one_probe_in_all_and_its_success_lets_both_go(two: Two) -> None:
    await two.a.opened()
    two.clock.forward(seconds=30)
    probe, ends = await held(two.b, BACK)
    assert await two.a.parked(BACK) == pytest.approx(1.0)
    two.clock.forward(seconds=0.5)
    ends.set()
    assert await probe == Returned()
    two.clock.forward(seconds=1)
    assert await two.a.run(call=BACK) == await two.b.run(call=BACK) == Returned()


async def test_of_two_who_would_probe_at_the_same_moment_one_goes(two: Two) -> None:
    await two.a.opened()
    two.clock.forward(seconds=29)
    await two.b.parked()
    two.clock.forward(seconds=1)
    went = await asyncio.gather(*(line.run(call=BACK) for line in two.instances for _ in range(5)))
    assert went.count(Returned()) == 1


async def test_a_probe_that_fails_sends_both_to_the_end_of_one_line(two: Two) -> None:
    await two.a.opened()
    two.clock.forward(seconds=30)
    assert await two.b.run(FAILED, BACK) == FAILED
    two.clock.forward(seconds=1)
    assert await two.a.parked(BACK) == pytest.approx(29)
    assert await two.b.parked(BACK) == pytest.approx(29.25)


async def test_a_cancelled_probe_gives_its_place_to_the_other_instance(two: Two) -> None:
    await two.a.opened()
    two.clock.forward(seconds=30)
    probe, _ = await held(two.a, BACK)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert await two.b.run(call=BACK) == Returned()


async def test_a_probe_that_died_with_its_process_is_replaced_when_it_must_have_ended(two: Two) -> None:
    await two.a.opened()
    two.clock.forward(seconds=30)
    probe, _ = await held(two.a, BACK)
    two.clock.forward(seconds=QUEUE.delivery.deadline.total_seconds())
    assert await two.b.run(call=BACK) == Returned()
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)


async def test_an_endpoint_that_is_gone_is_left_alone_by_neither(two: Two) -> None:
    await two.a.opened()
    two.clock.forward(seconds=30)
    await two.a.run(NotWanted(Reason.NO_ENDPOINT), BACK)
    two.clock.forward(seconds=1)
    assert [await line.run(call=BACK) for line in two.instances for _ in range(2)] == [Returned()] * 4


async def test_the_line_is_one_its_slots_are_apart_and_few_of_them_are_lost(two: Two) -> None:
    await two.a.opened()
    two.clock.forward(seconds=1)
    slots = sorted([await line.parked() for _ in range(200) for line in two.instances])
    gaps = [after - before for before, after in pairwise(slots)]
    assert min(gaps) >= 0.999 / RATE
    assert slots[-1] - slots[0] <= 1.2 * 400 / RATE


async def test_a_stretch_of_the_line_is_one_write(two: Two) -> None:
    await two.a.opened()
    before = read(two.a, "sidelane_target_changes")
    for _ in range(400):
        await two.a.parked()
    assert read(two.a, "sidelane_target_changes") - before <= 20


@pytest.mark.parametrize("offered", [0.5, 0.9, 3.0], ids=["half of it", "nearly all", "three times"])
async def test_together_they_keep_the_target_s_rate(two: Two, offered: float) -> None:
    count = int(60 * RATE * offered)
    went = await two.delivered([number / (RATE * offered) for number in range(count)])
    assert len(went) == count
    for moment in went:
        within = sum(moment <= other < moment + 10 for other in went)
        assert within <= 10 * RATE * 1.1 + RATE
    ideal = max(60.0, count / RATE)
    assert went[-1] <= 1.2 * ideal


async def test_a_crowd_at_once_goes_at_the_rate_of_one(two: Two) -> None:
    went = await two.delivered([0.0] * 200)
    assert sum(moment == 0 for moment in went) <= RATE + 2
    assert went[-1] <= 1.2 * 200 / RATE
    assert max(sum(start <= moment < start + 5 for moment in went) for start in went) <= 5 * RATE + RATE + 2


async def test_a_target_in_use_is_read_once_a_second_and_one_that_is_well_hardly_written(two: Two) -> None:
    for _ in range(100):
        await two.a.run()
        two.clock.forward(seconds=0.25)
    assert read(two.a, "sidelane_target_reads") == 25
    for number in range(100):
        await two.b.run(call=replace(FIRST, target=str(number)))
    assert read(two.b, "sidelane_target_changes") == 0


async def test_with_the_store_away_each_goes_on_alone_and_fails_nothing(two: Two, states: MayBeAway) -> None:
    states.is_away = True
    assert await two.b.run() == Returned()
    await two.a.opened()
    assert await two.a.parked() == pytest.approx(30)
    two.clock.forward(seconds=1)
    assert await two.b.run() == Returned()
    two.clock.forward(seconds=29)
    assert [await two.a.run(call=BACK) for _ in range(3)] == [Returned()] * 3
    assert read(two.a, "sidelane_target_store_failures") > 0


async def test_a_store_that_was_away_is_asked_again_and_learns_what_happened_next(
    two: Two, states: MayBeAway
) -> None:
    states.is_away = True
    await two.a.run()
    states.is_away = False
    two.clock.forward(seconds=5)
    await two.a.opened()
    assert await two.b.parked() == pytest.approx(30)


async def test_a_store_that_is_away_is_not_asked_by_every_task(two: Two, states: MayBeAway) -> None:
    states.is_away = True
    for number in range(100):
        await two.a.run(call=replace(FIRST, target=str(number)))
    assert read(two.a, "sidelane_target_store_failures") == 1


def test_of_more_targets_than_are_kept_the_longest_unused_is_forgotten() -> None:
    kept: Recent[list[int]] = Recent(list, most=2)
    kept.of("a").append(1)
    kept.of("b").append(2)
    kept.of("a").append(3)
    kept.of("c")
    assert (kept.of("a"), len(kept)) == ([1, 3], 2)
    assert kept.of("b") == []
