"""Every order in which a task can meet crashes, duplicates, forgotten names, outages: nothing is lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from handlers.pipeline import Pipeline
from tests.handlers.model.core import check
from tests.handlers.model.explore import Violation
from tests.handlers.model.mutants import (
    AnyoneDecides,
    FollowUpFirst,
    ForgetsWhatItCannotRecord,
    HeldIsForgotten,
    as_a,
    with_a,
)
from tests.handlers.model.world import Budget


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The pipeline's log of a hundred thousand requests tells nothing."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    "budget",
    [
        Budget(crashes=2, parks=0),
        Budget(crashes=1, duplicates=1, parks=0),
        Budget(crashes=1, forgotten=1, parks=1),
        Budget(crashes=1, outages=1, parks=0),
        Budget(duplicates=1, outages=1, parks=0),
        Budget(drains=1, outages=1, parks=0),
    ],
    ids=str,
)
def test_the_promise_holds_in_every_state(budget: Budget) -> None:
    explored = check(budget)
    assert explored.complete
    assert explored.ends > 10
    assert explored.states > 1000


@pytest.mark.parametrize(
    "budget",
    [
        Budget(crashes=2, parks=0),
        Budget(crashes=1, duplicates=1, parks=0),
        Budget(duplicates=1, outages=1, parks=0),
    ],
    ids=str,
)
def test_it_holds_with_leases(budget: Budget) -> None:
    assert check(budget, max_attempts=1, exclusive=True).ends > 10


@pytest.mark.timeout(300)
def test_it_holds_with_everything_at_once() -> None:
    """`make soak` has it with two attempts."""
    assert check(Budget(crashes=2, duplicates=1, forgotten=1, outages=1, parks=0), max_attempts=1).ends > 10


def test_it_holds_with_a_quarantine() -> None:
    assert check(Budget(crashes=3, parks=0), max_attempts=1, quarantine=True).ends > 10


@pytest.mark.parametrize(
    ("fault", "budget", "exclusive", "found"),
    [
        (
            as_a(FollowUpFirst),
            Budget(crashes=1, parks=0),
            False,
            "done, and a dead letter|repeated",
        ),
        (with_a(AnyoneDecides), Budget(duplicates=1, parks=0), False, "done, and a dead letter|lost"),
        (as_a(ForgetsWhatItCannotRecord), Budget(outages=1, parks=0), False, "lost"),
        (with_a(HeldIsForgotten), Budget(crashes=1, duplicates=1, parks=0), True, "lost"),
    ],
    ids=["follow-up first", "no compare-and-set", "2xx for what is not recorded", "a held lease forgotten"],
)
def test_a_planted_fault_is_found(
    fault: Callable[[Pipeline], Pipeline], budget: Budget, exclusive: bool, found: str
) -> None:
    with pytest.raises(Violation, match=found):
        check(budget, exclusive=exclusive, wrap=fault)
