"""Whether an endpoint is well, and when its owner is told of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

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
from handlers.health import Cause, Keeper, enabled, judged, notice
from stores import Health
from tests.handlers.conftest import START

AFTER = timedelta(hours=120)
FAILED = TargetFailed("answered 500")
KEEPER = Keeper(uid="u", endpoint="webhook for memory_created")


def at(hours: float, health: Health, end: End = FAILED) -> Health:
    return judged(health, end, now=START + timedelta(hours=hours), disable_after=AFTER)


def failing(hours: list[float], health: Health | None = None) -> Health:
    """After failures at these hours."""
    result = health or Health()
    for hour in hours:
        result = at(hour, result)
    return result


def test_the_first_failure_starts_the_clock_and_the_next_ones_change_nothing() -> None:
    first = at(0, Health())
    assert first == Health(failing_since=START)
    assert failing([0.1, 1, 59.9], first) == first


def test_its_owner_is_told_at_each_level_once_and_it_is_disabled_at_the_last() -> None:
    health, told = Health(), []
    for hour in range(130):
        after = at(hour, health)
        if after.told != health.told:
            told.append((hour, after.told, after.disabled_at is not None))
        health = after
    assert told == [(0 + 60, 50, False), (84, 70, False), (108, 90, False), (120, 100, True)]
    assert health.disabled_for == Cause.FAILING
    assert health.disabled_at == START + timedelta(hours=120)


def test_a_success_ends_the_clock() -> None:
    """I6: two failures three days apart disabled an app that had worked in between."""
    health = at(71, failing([0, 65]), Returned())
    assert health == Health()
    assert at(130, health) == Health(failing_since=START + timedelta(hours=130))


def test_levels_that_no_call_came_in_are_skipped_but_nobody_is_disabled_unwarned() -> None:
    late = failing([0, 100])
    assert (late.told, late.disabled_at) == (70, None)
    warned = failing([0, 700])
    assert (warned.told, warned.disabled_at) == (90, None)
    assert failing([711], warned) == warned
    assert failing([712], warned).disabled_for == Cause.FAILING


@pytest.mark.parametrize(
    ("reason", "cause"), [(Reason.GONE, Cause.GONE), (Reason.ENDPOINT_DISABLED, Cause.ASKED)]
)
def test_an_endpoint_that_says_so_is_disabled_at_once(reason: Reason, cause: Cause) -> None:
    health = at(1, Health(), TargetRefused(reason, "410"))
    assert (health.disabled_for, health.told) == (cause, 100)
    assert health.disabled_at == START + timedelta(hours=1)


def test_an_address_that_must_not_be_called_counts_as_a_failure() -> None:
    assert at(0, Health(), TargetRefused(Reason.BLOCKED_ADDRESS, "-")).failing_since == START


@pytest.mark.parametrize(
    "end",
    [
        HandlerBug("KeyError"),
        Busy(START, "full"),
        OwnerPaused(),
        NotWanted(Reason.NO_ENDPOINT),
        TargetRefused(Reason.ABORTED, "-"),
    ],
)
def test_what_says_nothing_of_the_endpoint_changes_nothing(end: End) -> None:
    health = failing([0, 70])
    assert at(200, health, end) == health


def test_one_that_is_disabled_stays_so_until_somebody_enables_it() -> None:
    disabled = at(0, Health(), TargetRefused(Reason.GONE, "410"))
    assert at(1, disabled, Returned()) == at(1, disabled) == disabled
    now = START + timedelta(hours=2)
    again = enabled(disabled, now)
    assert again == Health(enabled_at=now, missed_since=START)
    assert enabled(again, now + timedelta(hours=1)) == again
    assert at(3, again, Returned()) == again
    failing_again = at(4, again)
    assert failing_again.failing_since == START + timedelta(hours=4)
    assert enabled(failing_again, now).missed_since == START + timedelta(hours=4)


def told(health: Health) -> tuple[str, str]:
    notification = notice(health, KEEPER, "developer/u/memory_created", AFTER)
    return notification.identity(), f"{notification.title}. {notification.body}"


def test_the_same_is_told_under_one_identity_and_another_under_another() -> None:
    half, disabled = failing([0, 60]), failing([0, 60, 84, 108, 120])
    gone = at(1, Health(), TargetRefused(Reason.GONE, "410"))
    gone_again = at(9, enabled(gone, START + timedelta(hours=8)), TargetRefused(Reason.GONE, "410"))
    assert told(half) == told(failing([0, 61]))
    others = [half, failing([1, 61]), failing([0, 84]), disabled, gone, gone_again]
    assert len({told(health)[0] for health in others}) == len(others)
    assert told(gone) == told(at(2, Health(), TargetRefused(Reason.GONE, "410")))


def test_the_words_say_what_and_since_when() -> None:
    assert told(failing([0, 60]))[1] == (
        "Your webhook for memory_created fails. Every delivery has failed since 2026-01-01 12:00 UTC. "
        "50 % of the 5 days after which it is disabled have passed."
    )
    assert told(failing([0, 60, 84, 108, 120]))[1].startswith(
        "Your webhook for memory_created is disabled. Every delivery has failed since 2026-01-01 12:00 UTC."
    )
