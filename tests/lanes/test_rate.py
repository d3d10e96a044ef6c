"""Rates: when a target may next be called, and what is booked, given back and remembered."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanes import Rates, RateSettings, RateState
from tests.lanes.hand_clock import HandClock

TARGET = "https://hooks.example"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def rates_of(
    clock: HandClock,
    *,
    per_second: float = 4,
    burst: int = 1,
    spread: float = 0,
    jitter: float = 1,
    max_targets: int = 10,
) -> Rates:
    settings = RateSettings(per_second=per_second, burst=burst, jitter=jitter)
    return Rates(settings, clock=clock, random=lambda: spread, max_targets=max_targets)


def test_the_first_goes_now_and_the_rest_line_up(clock: HandClock) -> None:
    rates = rates_of(clock)
    slots = [rates.reserve(TARGET) for _ in range(4)]
    assert slots == [clock.now, clock.now + 0.25, clock.now + 0.5, clock.now + 0.75]
    assert rates.reserve("another") == clock.now


def test_a_rest_gives_no_more_than_the_burst(clock: HandClock) -> None:
    rates = rates_of(clock, per_second=10, burst=5)
    assert [rates.reserve(TARGET) for _ in range(5)] == [clock.now] * 5
    assert rates.reserve(TARGET) == pytest.approx(clock.now + 0.1)
    clock.advance(3600)
    assert [rates.reserve(TARGET) for _ in range(5)] == [clock.now] * 5
    assert rates.reserve(TARGET) > clock.now


def test_ten_thousand_tasks_of_a_dead_target_come_back_spread_out(clock: HandClock) -> None:
    rates = rates_of(clock, per_second=10, spread=0.5)
    back = clock.now + 30
    slots = [rates.reserve(TARGET, not_before=back) for _ in range(10_000)]
    assert slots[0] == pytest.approx(back + 0.05)
    seconds = [int(slot - back) for slot in slots]
    assert max(seconds.count(second) for second in range(1000)) <= 11


def test_a_slot_that_is_free_now_has_no_jitter(clock: HandClock) -> None:
    rates = rates_of(clock, spread=0.8)
    assert rates.reserve(TARGET) == clock.now
    assert rates.reserve(TARGET) == pytest.approx(clock.now + 0.25 + 0.8 * 0.25)
    assert rates_of(clock, spread=0.8, jitter=0).reserve(TARGET, not_before=clock.now + 1) == clock.now + 1


def test_to_peek_books_nothing(clock: HandClock) -> None:
    rates = rates_of(clock)
    rates.reserve(TARGET)
    assert rates.peek(TARGET) == rates.peek(TARGET) == clock.now + 0.25
    assert rates.peek("another") == clock.now
    assert rates.statistics().targets == 1


def test_the_newest_slot_can_be_given_back_once(clock: HandClock) -> None:
    rates = rates_of(clock, spread=0.3)
    older, newest = [rates.reserve(TARGET) for _ in range(3)][1:]
    assert not rates.give_back(TARGET, older)
    assert rates.give_back(TARGET, newest)
    assert not rates.give_back(TARGET, newest)
    assert rates.reserve(TARGET) == newest
    assert rates.statistics().given_back == 1


def test_a_full_registry_forgets_who_rests(clock: HandClock) -> None:
    rates = rates_of(clock, per_second=1, max_targets=2)
    rates.reserve("a")
    rates.reserve("b")
    rates.reserve("b")
    clock.advance(1)
    assert rates.reserve("c") == clock.now
    assert rates.reserve("c") == clock.now + 1, "c took a's place"
    assert rates.reserve("b") == clock.now + 1, "b's booking is kept"
    assert rates.statistics().targets == 2


def test_when_all_have_bookings_a_new_target_goes_unbooked(clock: HandClock) -> None:
    rates = rates_of(clock, per_second=1, max_targets=1)
    rates.reserve("a")
    assert [rates.reserve("b"), rates.reserve("b")] == [clock.now, clock.now]
    assert rates.statistics().untracked == 2
    clock.advance(1)
    rates.reserve("b")
    assert rates.reserve("b") == clock.now + 1


def test_bookings_are_shared_as_plain_values(clock: HandClock) -> None:
    ours, theirs = rates_of(clock), rates_of(clock)
    for _ in range(8):
        theirs.reserve(TARGET)
    row = json.dumps(asdict(theirs.state(TARGET)))
    assert ours.adopt(TARGET, RateState(**json.loads(row)))
    assert ours.reserve(TARGET) == clock.now + 2
    assert not ours.adopt(TARGET, theirs.state(TARGET)), "ours reach further"
    assert theirs.adopt(TARGET, ours.state(TARGET))
    assert theirs.reserve(TARGET) == clock.now + 2.25


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [({"per_second": 0.0}, "above 0"), ({"per_second": 1.0, "jitter": 2.0}, "share of an interval")],
)
def test_settings_without_sense_are_refused(settings: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        RateSettings(**settings)  # type: ignore[arg-type]


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 3), st.floats(0, 5), st.booleans(), st.floats(0, 0.999)), max_size=60
    ),
    per_second=st.floats(0.5, 50),
    burst=st.integers(1, 5),
)
def test_the_rate_holds_whatever_happens(
    steps: list[tuple[float, float, bool, float]], per_second: float, burst: int
) -> None:
    """Any stretch of time holds at most its rate, the burst and two for jitter."""
    clock, spreads = HandClock(), [0.0]
    settings = RateSettings(per_second=per_second, burst=burst)
    rates = Rates(settings, clock=clock, random=lambda: spreads[-1])
    slots: list[float] = []
    for pause, ahead, unused, spread in steps:
        clock.advance(pause)
        spreads.append(spread)
        slot = rates.reserve(TARGET, not_before=clock.now + ahead if ahead > 4 else 0)
        assert slot >= clock.now
        if not (unused and rates.give_back(TARGET, slot)):
            slots.append(slot)
    slots.sort()
    for first, start in enumerate(slots):
        for last in range(first, len(slots)):
            stretch = slots[last] - start
            assert last - first + 1 <= stretch * per_second + burst + 2
