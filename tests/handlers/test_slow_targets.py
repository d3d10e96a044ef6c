"""A slow target holds few places, none where others' first attempts run, and keeps its own pace."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from contracts import load_catalog
from handlers.delivery import Busy, End, Returned, TargetFailed
from handlers.durations import Durations
from handlers.targets import By, Call
from stores import TargetStates
from tests.handlers.conftest import Clock
from tests.handlers.test_shared_targets import states as states
from tests.handlers.test_targets import BACK, FIRST, Line, held

QUEUE = load_catalog(Path("infra/terraform/queues.yaml")).get("developer-webhooks")
"""8 places, 10 a second; slow from 2 s on, then 4 places."""
NEW = replace(FIRST, is_first=True)


@pytest.fixture
def line(states: TargetStates) -> Line:
    return Line(states, QUEUE)


async def took(line: Line, seconds: float, end: End | None = None) -> None:
    """One call that takes so long."""

    async def effect() -> End:
        line.clock.forward(seconds=seconds)
        return end or Returned()

    await line.targets.run(BACK, effect)


async def test_the_first_attempts_of_a_slow_target_are_parked_and_run_from_the_sibling(line: Line) -> None:
    await took(line, 10.0)
    await line.parked(NEW)
    assert line.parks == {By.SLOW: 1}
    assert await line.run(call=BACK) == Returned()


async def test_it_is_slow_before_its_first_slow_call_has_ended(line: Line) -> None:
    running, ends = await held(line, NEW)
    assert await line.run(call=NEW) == Returned()
    line.clock.forward(seconds=2.5)
    assert await line.parked(NEW) == pytest.approx(2.5)
    ends.set()
    await running


async def test_it_has_fewer_places(line: Line) -> None:
    await took(line, 10.0)
    running = [await held(line, BACK) for _ in range(4)]
    await line.parked(BACK)
    assert line.parks == {By.PLACES: 1}
    for task, ends in running:
        ends.set()
        await task


async def test_its_tasks_come_back_as_fast_as_its_places_are_free(line: Line) -> None:
    await took(line, 10.0)
    slots = [await line.parked(NEW) for _ in range(5)]
    assert slots == pytest.approx([2.5, 5.0, 7.5, 10.0, 12.5])


async def test_one_that_is_fast_again_is_like_any_other(line: Line) -> None:
    await took(line, 10.0)
    await took(line, 0.1)
    assert await line.run(call=NEW) == Returned()


async def test_a_slow_start_long_ago_is_forgotten(line: Line) -> None:
    await took(line, 10.0)
    line.clock.forward(seconds=60)
    assert await line.run(call=NEW) == Returned()


async def test_time_outs_do_not_slow_the_line_down(line: Line) -> None:
    """Ten thousand tasks of a target that is dead come back at its rate, however it is dead."""
    await took(line, 30.0, TargetFailed("not done within 30 s"))
    assert await line.run(call=NEW) == Returned()


async def test_a_slow_target_whose_breaker_is_open_is_not_called_before_it_may_be(line: Line) -> None:
    await took(line, 10.0)
    for _ in range(5):
        await line.run(TargetFailed("answered 500"), BACK)
    assert await line.parked(NEW) >= 30


async def test_others_are_not_concerned(line: Line) -> None:
    await took(line, 10.0)
    assert await line.run(call=replace(NEW, target="well")) == Returned()


async def test_what_is_under_way_for_too_long_can_be_read(line: Line) -> None:
    running, ends = await held(line, NEW)
    line.clock.forward(seconds=3)
    read = {sample.metric: sample.value for sample in line.targets.samples()}
    assert read["sidelane_target_slow_calls"] == 1
    ends.set()
    await running


def test_without_a_bound_nothing_is_slow() -> None:
    clock = Clock()
    durations = Durations(None, seconds=lambda: clock.now.timestamp())
    with durations.timed("t"):
        clock.forward(seconds=1000)
    assert not durations.is_slow("t")
    assert durations.slow_calls() == 0


async def test_a_call_that_was_cancelled_says_nothing_of_its_target(line: Line) -> None:
    running, _ = await held(line, NEW)
    line.clock.forward(seconds=10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    end = await line.run(call=Call(target="t", has_slot=False, is_first=True, useful_until=NEW.useful_until))
    assert not isinstance(end, Busy)
