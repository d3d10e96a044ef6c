"""Stalls: each second is counted once, under the cause that explains it."""

from __future__ import annotations

import pytest

from lanes.stalls import Cause, Lateness, Stalls, cause_of


@pytest.mark.parametrize(
    ("cpu", "late", "cause"),
    [
        (0.0, 0.0, Cause.BLOCKED),
        (0.8, 0.0, Cause.CPU),
        (0.8, 0.8, Cause.CPU),  # C code that computes and keeps the GIL makes the prober late, too
        (0.1, 0.7, Cause.STARVED),
        (0.1, 0.1, Cause.BLOCKED),
        (None, 0.0, Cause.UNKNOWN),
    ],
)
def test_what_the_threads_did_tells_the_cause(cpu: float | None, late: float, cause: Cause) -> None:
    assert cause_of(duration=0.8, cpu_seconds=cpu, prober_late=late) is cause


def test_a_stall_that_goes_on_is_one_stall() -> None:
    stalls = Stalls()
    assert stalls.add(10.0, 10.3, Cause.BLOCKED)
    assert not stalls.add(10.0, 10.4, Cause.BLOCKED)
    assert not stalls.add(10.1, 10.8, Cause.BLOCKED)  # a later probe that waited for its end
    assert stalls.count == {Cause.BLOCKED: 1}
    assert stalls.seconds[Cause.BLOCKED] == pytest.approx(0.8)


def test_the_next_stall_is_another_one_and_may_have_another_cause() -> None:
    stalls = Stalls()
    stalls.add(10.0, 10.5, Cause.BLOCKED)
    assert stalls.add(11.0, 11.5, Cause.CPU)
    assert stalls.count == {Cause.BLOCKED: 1, Cause.CPU: 1}
    assert sum(stalls.seconds.values()) == pytest.approx(1.0)


def test_what_is_counted_is_not_counted_again() -> None:
    stalls = Stalls()
    stalls.add(10.0, 10.5, Cause.BLOCKED)
    assert not stalls.add(10.2, 10.4, Cause.CPU)
    assert stalls.seconds[Cause.CPU] == 0


def test_delays_that_overlap_are_counted_once() -> None:
    late = Lateness()
    late.add(10.0, 10.5)
    late.add(10.1, 10.5)  # what was to be done meanwhile is done at once
    late.add(10.2, 10.6)
    late.add(11.0, 11.0)
    late.add(12.0, 12.2)
    assert late.seconds == pytest.approx(0.8)
