"""Circuit breakers under any order of calls, ends, losses and time: one probe, and never a wedge."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lanes import Attempt, BreakerOpen, BreakerSettings, CircuitBreakers, Phase, Transition
from tests.lanes.hand_clock import HandClock

NAMES = ("a", "b", "c")
TARGETS = st.sampled_from(NAMES)
VERDICTS = st.sampled_from(["failed", "succeeded", "released", "lost"])
SETTINGS = BreakerSettings(consecutive_failures=2, open_for=10, probe_age=7)
ALLOWED = {
    (Phase.CLOSED, Phase.OPEN),
    (Phase.OPEN, Phase.HALF_OPEN),
    (Phase.HALF_OPEN, Phase.OPEN),
    (Phase.HALF_OPEN, Phase.CLOSED),
}


class BreakerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.breakers = CircuitBreakers(SETTINGS, clock=self.clock, max_targets=2, on_transition=self.changed)
        self.under_way: list[tuple[str, Attempt]] = []
        self.probes: dict[str, tuple[Attempt, float]] = {}  # the newest, and when its place is free
        self.phases: dict[str, Phase] = {}

    def changed(self, step: Transition) -> None:
        assert (step.before, step.after) in ALLOWED
        assert self.phases.get(step.target, Phase.CLOSED) is step.before
        self.phases[step.target] = step.after

    @rule(target_name=TARGETS)
    def call(self, target_name: str) -> None:
        due = self.breakers.retry_at(target_name)
        before = self.breakers.state(target_name).phase
        untracked = self.breakers.statistics().untracked
        if due is not None:
            assert due > self.clock.now
            assert before is not Phase.CLOSED
            with pytest.raises(BreakerOpen) as refused:
                self.breakers.admit(target_name)
            assert refused.value.retry_at == due
            return
        attempt = self.breakers.admit(target_name)
        if self.breakers.statistics().untracked == untracked:
            self.under_way.append((target_name, attempt))
            if before is not Phase.CLOSED:
                _, free_at = self.probes.get(target_name, (None, 0))
                assert free_at <= self.clock.now, "a second probe beside the first"
                self.probes[target_name] = attempt, self.clock.now + SETTINGS.probe_age

    @rule(target_name=TARGETS, times=st.integers(1, 2), verdict=VERDICTS)
    def call_and_end(self, target_name: str, times: int, verdict: str) -> None:
        for _ in range(times):
            calls = len(self.under_way)
            self.call(target_name)
            if len(self.under_way) > calls:
                self.end(0, verdict)

    @rule(which=st.integers(0, 5), verdict=VERDICTS)
    def end(self, which: int, verdict: str) -> None:
        if not self.under_way:
            return
        name, attempt = self.under_way.pop(-1 - which % len(self.under_way))
        if verdict == "lost":
            return
        is_probe = name in self.probes and self.probes[name][0] is attempt
        before = self.breakers.state(name)
        with attempt:
            if verdict != "released":
                getattr(attempt, verdict)()
        after = self.breakers.state(name)
        if is_probe:
            del self.probes[name]
            expected = {"succeeded": Phase.CLOSED, "failed": Phase.OPEN, "released": Phase.HALF_OPEN}
            assert after.phase is expected[verdict]
            if verdict == "released":
                assert self.breakers.retry_at(name) is None, "its place is free"
        elif before.phase is not Phase.CLOSED:
            assert after == before, "only the probe's verdict counts"

    @rule(seconds=st.sampled_from([0.5, 3, 6.5, 7, 10]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def nothing_is_for_ever(self) -> None:
        for name in NAMES:
            due = self.breakers.retry_at(name)
            assert due is None or due <= self.clock.now + max(SETTINGS.open_for, SETTINGS.probe_age)

    @invariant()
    def open_ones_are_remembered(self) -> None:
        for name, phase in self.phases.items():
            if phase is not Phase.CLOSED:
                assert self.breakers.state(name).phase is phase

    @invariant()
    def it_is_bounded(self) -> None:
        statistics = self.breakers.statistics()
        assert statistics.closed + statistics.open + statistics.half_open <= statistics.max_targets


def test_one_probe_and_never_a_wedge() -> None:
    run_state_machine_as_test(
        BreakerMachine, settings=settings(max_examples=150, stateful_step_count=40, deadline=None)
    )
