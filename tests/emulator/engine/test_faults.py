"""Faults as values: bounds, and how often what strikes."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest

from emulator.engine.faults import Crash, CrashPoint, Fate, FaultPlan, Faults, fate

QUEUE = "projects/p/locations/l/queues/q"


def drawn(faults: Faults, count: int = 4000) -> Counter[Fate]:
    chance = random.Random(1)
    return Counter(fate(faults, chance) for _ in range(count))


def test_without_faults_everything_is_sent() -> None:
    assert drawn(Faults()) == {Fate.SENT: 4000}
    assert drawn(Faults(delay=1, reorder=1)) == {Fate.SENT: 4000}


@pytest.mark.parametrize(
    ("faults", "struck"),
    [
        (Faults(duplicate=1), Fate.SENT_TWICE),
        (Faults(drop=1), Fate.LOST),
        (Faults(error_5xx=1), Fate.REFUSED),
        (Faults(drop=1, error_5xx=1, duplicate=1), Fate.LOST),
        (Faults(error_5xx=1, duplicate=1), Fate.REFUSED),
    ],
)
def test_a_rate_of_one_strikes_each_time(faults: Faults, struck: Fate) -> None:
    assert drawn(faults) == {struck: 4000}


def test_a_rate_strikes_in_that_share_of_dispatches() -> None:
    counts = drawn(Faults(drop=0.25, duplicate=0.5))
    assert math.isclose(counts[Fate.LOST], 1000, rel_tol=0.1)
    assert math.isclose(counts[Fate.SENT_TWICE], 1500, rel_tol=0.1)
    assert drawn(Faults(drop=0.25)) == drawn(Faults(drop=0.25))  # the same random, the same faults


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"duplicate": 1.5}, "duplicate must be a rate from 0"),
        ({"drop": -0.1}, "drop must be a rate from 0"),
        ({"reorder": math.nan}, "reorder must be a rate from 0"),
        ({"error_5xx": 2}, "error_5xx must be a rate from 0"),
        ({"delay": 3601}, "delay must be from 0 to 3600 seconds"),
        ({"delay": math.nan}, "delay must be from 0 to 3600 seconds"),
    ],
)
def test_what_is_out_of_bounds_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faults(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "either nth_write or rate"),
        ({"nth_write": 1, "rate": 0.5}, "either nth_write or rate"),
        ({"nth_write": 0}, "nth_write must be at least 1"),
        ({"rate": 7}, "rate must be a rate from 0"),
    ],
)
def test_a_crash_is_by_number_or_by_rate(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Crash(at=CrashPoint.AFTER_COMMIT, **wrong)


def test_faults_of_a_name_stand_instead_of_those_of_all() -> None:
    plan = FaultPlan(everywhere=Faults(drop=1), named={QUEUE: Faults(delay=2)})
    assert plan.of(QUEUE) == Faults(delay=2)
    assert plan.of("projects/p/subscriptions/s") == Faults(drop=1)
