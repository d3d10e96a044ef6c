"""Many targets' breakers: what is remembered, told, counted and shared."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from lanes import BreakerOpen, BreakerState, CircuitBreakers, Phase, Transition
from tests.lanes.breaker_calls import TARGET, fail, phase, succeed
from tests.lanes.hand_clock import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def breakers(clock: HandClock) -> CircuitBreakers:
    return CircuitBreakers(clock=clock)


def test_one_target_says_nothing_of_another(breakers: CircuitBreakers) -> None:
    fail(breakers, 5, "a")
    succeed(breakers, target="b")
    assert (phase(breakers, "a"), phase(breakers, "b")) == (Phase.OPEN, Phase.CLOSED)


def test_the_closed_one_longest_unused_is_forgotten_first(clock: HandClock) -> None:
    breakers = CircuitBreakers(clock=clock, max_targets=3)
    fail(breakers, 5, "open")
    fail(breakers, 4, "old")
    fail(breakers, 4, "young")
    fail(breakers, 1, "new")
    assert phase(breakers, "open") is Phase.OPEN
    assert [breakers.state(name).failures for name in ("old", "young", "new")] == [0, 4, 1]
    assert breakers.statistics().evicted == 1


def test_when_all_are_open_a_new_target_is_not_watched_and_not_refused(clock: HandClock) -> None:
    breakers = CircuitBreakers(clock=clock, max_targets=2)
    fail(breakers, 5, "a")
    fail(breakers, 5, "b")
    clock.advance(30)
    probe = breakers.admit("b")
    fail(breakers, 20, "c")
    assert breakers.retry_at("c") is None
    assert breakers.statistics().untracked == 20
    assert (phase(breakers, "a"), phase(breakers, "b")) == (Phase.OPEN, Phase.HALF_OPEN)
    probe.succeeded()
    fail(breakers, 5, "c")
    assert phase(breakers, "c") is Phase.OPEN, "a closed one made room"


def test_a_forgotten_target_starts_anew_whatever_is_still_under_way(clock: HandClock) -> None:
    breakers = CircuitBreakers(clock=clock)
    fail(breakers, 5)
    clock.advance(30)
    probe = breakers.admit(TARGET)
    breakers.forget(TARGET)
    assert phase(breakers) is Phase.CLOSED
    fail(breakers, 4)
    probe.failed()
    assert phase(breakers) is Phase.CLOSED
    assert breakers.statistics().closed == 1


def test_transitions_are_told_and_counted(clock: HandClock) -> None:
    told: list[Transition] = []
    breakers = CircuitBreakers(clock=clock, on_transition=told.append)
    fail(breakers, 5)
    clock.advance(30)
    fail(breakers)
    clock.advance(30)
    succeed(breakers)
    closed, opened, half = Phase.CLOSED, Phase.OPEN, Phase.HALF_OPEN
    steps = [(closed, opened), (opened, half), (half, opened), (opened, half), (half, closed)]
    assert [(step.before, step.after) for step in told] == steps
    assert told[-1].state == breakers.state(TARGET)
    counts = breakers.statistics().transitions
    assert counts == {(closed, opened): 1, (opened, half): 2, (half, opened): 1, (half, closed): 1}


def test_statistics_count_by_phase(breakers: CircuitBreakers, clock: HandClock) -> None:
    fail(breakers, 5, "probed")
    clock.advance(30)
    fail(breakers, 5, "open")
    succeed(breakers, target="closed")
    breakers.admit("probed")
    for target in ("open", "probed"):
        with pytest.raises(BreakerOpen):
            breakers.admit(target)
    statistics = breakers.statistics()
    assert (statistics.closed, statistics.open, statistics.half_open) == (1, 1, 1)
    assert statistics.refused == 2


def test_a_state_survives_as_plain_values(breakers: CircuitBreakers, clock: HandClock) -> None:
    fail(breakers, 5)
    row = json.dumps(asdict(breakers.state(TARGET)))
    values = json.loads(row)
    values["phase"] = Phase(values["phase"])
    values.pop("window")
    other = CircuitBreakers(clock=clock)
    clock.advance(1)
    assert other.adopt(TARGET, BreakerState(**values))
    assert other.retry_at(TARGET) == clock.now + 29


def test_the_later_phase_wins_between_instances(clock: HandClock) -> None:
    ours, theirs = CircuitBreakers(clock=clock), CircuitBreakers(clock=clock)
    under_way = ours.admit(TARGET)
    fail(theirs, 5)
    opened = theirs.state(TARGET)
    assert ours.adopt(TARGET, opened)
    assert not ours.adopt(TARGET, opened)
    under_way.succeeded()
    assert phase(ours) is Phase.OPEN, "a call from before does not close it"
    clock.advance(30)
    succeed(ours)
    assert not ours.adopt(TARGET, opened), "the older phase changes nothing"
    assert theirs.adopt(TARGET, ours.state(TARGET))
    assert phase(theirs) is Phase.CLOSED


def test_a_full_registry_adopts_nothing(clock: HandClock) -> None:
    breakers = CircuitBreakers(clock=clock, max_targets=1)
    fail(breakers, 5, "a")
    assert not breakers.adopt("b", replace(breakers.state("a"), since=clock.now + 1))
    assert phase(breakers, "b") is Phase.CLOSED
