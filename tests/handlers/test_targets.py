"""Who may go to a target now, and when the others come back: its places, rate, breaker and line."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import repeat
from pathlib import Path

import pytest

from contracts import Queue, load_catalog
from handlers.delivery import (
    Busy,
    End,
    HandlerBug,
    NotWanted,
    OwnerPaused,
    Reason,
    Returned,
    TargetFailed,
    TargetRefused,
)
from handlers.targets import By, Call, QueueTargets
from stores import TargetStates
from stores.sqlite import open_sqlite
from tests.handlers.conftest import START, Clock

_QUEUE = load_catalog(Path("infra/terraform/queues.yaml")).get("developer-webhooks")
QUEUE = _QUEUE.model_copy(
    update={
        "delivery": _QUEUE.delivery.model_copy(
            update={
                "max_concurrent_per_target": 2,
                "max_per_second_per_target": 4,
                "breaker_failures": 3,
                "breaker_open_for": timedelta(seconds=30),
            }
        )
    }
)
FAILED = TargetFailed("answered 500")
FIRST = Call(target="t", has_slot=False, useful_until=START + timedelta(days=3))
BACK = replace(FIRST, has_slot=True)


class Line:
    """One queue's targets on a hand-moved clock, without jitter."""

    def __init__(self, states: TargetStates, queue: Queue = QUEUE, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.parks: Counter[By] = Counter()
        self.runs = 0
        self.luck: Iterator[float] = repeat(0.0)
        self.targets = QueueTargets(
            queue,
            states,
            clock=self.clock,
            random=lambda: next(self.luck),
            on_park=lambda by: self.parks.update([by]),
        )

    async def run(self, end: End | None = None, call: Call = FIRST) -> End:
        async def effect() -> End:
            self.runs += 1
            return end or Returned()

        return await self.targets.run(call, effect)

    async def parked(self, call: Call = FIRST) -> float:
        """Seconds from now until the slot of a call that is refused."""
        runs = self.runs
        end = await self.run(call=call)
        assert isinstance(end, Busy)
        assert self.runs == runs
        return (end.until - self.clock.now).total_seconds()

    async def opened(self) -> None:
        for _ in range(3):
            assert await self.run(FAILED) == FAILED


@pytest.fixture
async def states(tmp_path: Path) -> AsyncIterator[TargetStates]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as stores:
        yield stores.targets


@pytest.fixture
def line(states: TargetStates) -> Line:
    return Line(states)


async def held(line: Line, call: Call = FIRST) -> tuple[asyncio.Task[End], asyncio.Event]:
    """An effect that is under way until it is told to end."""
    begun, ends = asyncio.Event(), asyncio.Event()

    async def effect() -> End:
        begun.set()
        await ends.wait()
        return Returned()

    running = asyncio.create_task(line.targets.run(call, effect))
    await begun.wait()
    return running, ends


async def test_a_second_s_worth_goes_at_once_and_the_rest_at_the_rate(line: Line) -> None:
    assert [await line.run() for _ in range(4)] == [Returned()] * 4
    assert [await line.parked() for _ in range(3)] == pytest.approx([1.0, 1.25, 1.5])
    assert line.parks == {By.RATE: 3}


async def test_who_comes_back_at_its_slot_goes_and_books_no_other(line: Line) -> None:
    for _ in range(4):
        await line.run()
    await line.parked()
    line.clock.forward(seconds=1)
    for _ in range(5):
        assert await line.run(call=BACK) == Returned()
    assert await line.run() == Returned()


async def test_newcomers_stand_behind_those_who_wait(line: Line) -> None:
    await line.opened()
    last = [await line.parked() for _ in range(40)][-1]
    line.clock.forward(seconds=30)
    assert await line.run(call=BACK) == Returned()
    assert await line.parked() == pytest.approx(last - 30 + 0.25)


async def test_a_full_target_refuses_and_takes_the_next_once_one_has_ended(line: Line) -> None:
    first, first_ends = await held(line)
    second, second_ends = await held(line)
    assert await line.parked() == pytest.approx(0.5)
    assert await line.parked(BACK) == pytest.approx(0.75)
    assert line.parks == {By.PLACES: 2}
    first_ends.set()
    await first
    assert await line.run(call=BACK) == Returned()
    second_ends.set()
    await second


async def test_an_open_breaker_books_slots_one_behind_the_other_from_its_end_on(line: Line) -> None:
    await line.opened()
    assert [await line.parked() for _ in range(3)] == pytest.approx([30, 30.25, 30.5])
    assert [await line.parked(BACK) for _ in range(2)] == pytest.approx([30.75, 31.0])
    assert line.parks == {By.BREAKER: 5}


async def test_slots_of_a_line_are_jittered_within_an_interval_and_keep_their_order(line: Line) -> None:
    await line.opened()
    line.luck = iter((0.9, 0.0, 0.5))
    assert [await line.parked() for _ in range(3)] == pytest.approx([30.225, 30.25, 30.625])


async def test_one_probe_goes_and_the_others_come_back_soon(line: Line) -> None:
    await line.opened()
    line.clock.forward(seconds=30)
    probe, ends = await held(line, BACK)
    assert await line.parked(BACK) == pytest.approx(1.0)
    ends.set()
    await probe
    assert await line.run(call=BACK) == Returned()


async def test_a_probe_that_fails_sends_everybody_to_the_end_of_the_line(line: Line) -> None:
    await line.opened()
    await line.parked()
    line.clock.forward(seconds=30)
    assert await line.run(FAILED, BACK) == FAILED
    assert await line.parked(BACK) == pytest.approx(30)


async def test_a_cancelled_probe_gives_its_place_to_the_next(line: Line) -> None:
    await line.opened()
    line.clock.forward(seconds=30)
    probe, _ = await held(line, BACK)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert await line.run(call=BACK) == Returned()


@pytest.mark.parametrize(
    "end",
    [
        Returned(),
        TargetRefused(Reason.GONE, "410"),
        TargetRefused(Reason.REFUSED, "400"),
        TargetRefused(Reason.WRONG_SENDER, "403"),
        NotWanted(Reason.DEVICE_GONE),
        TargetRefused(Reason.ABORTED, "-"),
        OwnerPaused(),
        NotWanted(Reason.NO_ENDPOINT),
    ],
)
async def test_an_answer_and_an_owner_s_word_end_a_row_of_failures(line: Line, end: End) -> None:
    for each in (FAILED, FAILED, end, FAILED, FAILED):
        await line.run(each, BACK)
    assert await line.run(call=BACK) == Returned()


@pytest.mark.parametrize(
    "end",
    [HandlerBug("KeyError"), TargetRefused(Reason.BLOCKED_ADDRESS, "-"), Busy(START, "the lane is full")],
)
async def test_what_says_nothing_of_the_target_neither_ends_nor_lengthens_the_row(
    line: Line, end: End
) -> None:
    for each in (FAILED, FAILED, end, end, end):
        await line.run(each, BACK)
    assert await line.run(FAILED, BACK) == FAILED
    assert await line.parked(BACK) == pytest.approx(30, abs=1)


async def test_a_probe_that_finds_its_endpoint_paused_lets_all_others_learn_it(line: Line) -> None:
    await line.opened()
    line.clock.forward(seconds=30)
    assert await line.run(OwnerPaused(), BACK) == OwnerPaused()
    assert [await line.run(OwnerPaused(), BACK) for _ in range(3)] == [OwnerPaused()] * 3


async def test_an_effect_that_finds_no_way_says_when_and_the_line_says_who(line: Line) -> None:
    at = START + timedelta(seconds=5)
    ends = [await line.run(Busy(at, "the lane is full"), BACK) for _ in range(3)]
    slots = [end.until for end in ends if isinstance(end, Busy)]
    assert slots == [at, at + timedelta(seconds=0.25), at + timedelta(seconds=0.5)]
    assert line.parks == {By.EFFECT: 3}


async def test_no_slot_is_booked_for_a_task_that_will_be_too_old(line: Line) -> None:
    await line.opened()
    old = replace(FIRST, useful_until=START + timedelta(seconds=29))
    assert [await line.parked(old) for _ in range(3)] == [30, 30, 30]
    assert await line.parked() == 30


async def test_targets_have_nothing_in_common(line: Line) -> None:
    await line.opened()
    await line.parked()
    running, ends = await held(line, replace(FIRST, target="slow"))
    assert [await line.run(call=replace(FIRST, target="well")) for _ in range(4)] == [Returned()] * 4
    ends.set()
    await running


async def test_what_is_booked_and_open_can_be_read(line: Line) -> None:
    await line.opened()
    await line.parked()
    read = {(sample.metric, *sample.labels): sample.value for sample in line.targets.samples()}
    assert read["sidelane_target_breakers", "developer-webhooks", "open"] == 1
    assert read["sidelane_target_breaker_transitions", "developer-webhooks", "closed", "open"] == 1
    assert read["sidelane_target_lines", "developer-webhooks"] == 1
    assert read["sidelane_target_in_flight", "developer-webhooks"] == 0
