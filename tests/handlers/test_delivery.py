"""The table of outcomes, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import DeliveryPolicy, Position, load_catalog
from handlers.delivery import (
    MAX_RETRY_AFTER,
    Busy,
    End,
    EndpointDisabled,
    HandlerBug,
    NeedsNewerCode,
    NotWanted,
    OwnerPaused,
    Poisonous,
    Reason,
    Returned,
    Standing,
    TargetFailed,
    TargetRefused,
    TooOld,
    Unreadable,
    decide,
    too_old,
)
from stores import Outcome, OutcomeKind

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CATALOG = load_catalog(Path("infra/terraform/queues.yaml"))
PATIENT = CATALOG.get("developer-webhooks").delivery
REALTIME = CATALOG.get("developer-webhooks-realtime").delivery


def standing(attempt: int = 1, park: int = 0, **known: object) -> Standing:
    base: dict[str, object] = {"accepted_at": NOW, "now": NOW}
    return Standing(position=Position(attempt=attempt, park=park), **{**base, **known})  # type: ignore[arg-type]  # a test's shorthand


@pytest.mark.parametrize(
    ("end", "policy", "kind", "reason"),
    [
        (Returned(), PATIENT, OutcomeKind.DONE, Reason.DELIVERED),
        (TargetFailed("500"), PATIENT, OutcomeKind.RETRY, Reason.TARGET_FAILED),
        (HandlerBug("KeyError"), PATIENT, OutcomeKind.RETRY, Reason.BUG),
        (Busy(NOW, "breaker open"), PATIENT, OutcomeKind.PARK, Reason.BUSY),
        (NeedsNewerCode("v2"), PATIENT, OutcomeKind.PARK, Reason.NEEDS_NEWER_CODE),
        (TargetRefused(Reason.GONE, "410"), PATIENT, OutcomeKind.DEAD, Reason.GONE),
        (TargetRefused(Reason.ABORTED, "-"), PATIENT, OutcomeKind.DEAD, Reason.ABORTED),
        (TargetRefused(Reason.BLOCKED_ADDRESS, "-"), REALTIME, OutcomeKind.DEAD, Reason.BLOCKED_ADDRESS),
        (Unreadable("field"), REALTIME, OutcomeKind.DEAD, Reason.UNDECODABLE),
        (Poisonous("5 starts"), REALTIME, OutcomeKind.DEAD, Reason.POISON),
        (OwnerPaused(), PATIENT, OutcomeKind.DEAD, Reason.OWNER_PAUSED),
        (OwnerPaused(), REALTIME, OutcomeKind.SKIPPED, Reason.OWNER_PAUSED),
        (EndpointDisabled(), PATIENT, OutcomeKind.DEAD, Reason.ENDPOINT_DISABLED),
        (EndpointDisabled(), REALTIME, OutcomeKind.SKIPPED, Reason.ENDPOINT_DISABLED),
        (TooOld(), PATIENT, OutcomeKind.DEAD, Reason.TOO_OLD),
        (TooOld(), REALTIME, OutcomeKind.SKIPPED, Reason.TOO_OLD),
        (NotWanted(Reason.NO_ENDPOINT), PATIENT, OutcomeKind.SKIPPED, Reason.NO_ENDPOINT),
    ],
)
def test_a_first_attempt(end: End, policy: DeliveryPolicy, kind: OutcomeKind, reason: Reason) -> None:
    outcome = decide(end, standing(), policy)
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert outcome.decided_at == NOW
    assert (outcome.next is not None) == (kind in (OutcomeKind.RETRY, OutcomeKind.PARK))


def waits(policy: DeliveryPolicy) -> list[float]:
    seconds: list[float] = []
    for attempt in range(1, policy.max_attempts + 1):
        outcome = decide(TargetFailed("500"), standing(attempt), policy)
        if outcome.due is not None:
            seconds.append((outcome.due - NOW).total_seconds())
    return seconds


def test_the_schedule_is_followed_to_its_end() -> None:
    assert waits(PATIENT) == [5, 300, 1800, 7200, 18000, 36000, 36000]
    assert waits(REALTIME) == [2, 10, 60]


def test_a_short_schedule_repeats_its_last_wait() -> None:
    assert waits(PATIENT.model_copy(update={"schedule": (timedelta(seconds=1), timedelta(seconds=2))})) == [
        *(1, 2, 2, 2, 2, 2, 2)
    ]


def test_attempts_end_in_a_dead_letter_that_says_why() -> None:
    outcome = decide(TargetFailed("answered 503"), standing(PATIENT.max_attempts), PATIENT)
    assert (outcome.kind, outcome.reason) == (OutcomeKind.DEAD, Reason.ATTEMPTS_USED)
    assert "8 attempts" in outcome.detail
    assert "answered 503" in outcome.detail


def test_bugs_use_a_budget_of_their_own() -> None:
    after_bugs = standing(PATIENT.max_attempts + 2, bugs=2)
    assert decide(TargetFailed("500"), after_bugs, PATIENT).reason == Reason.ATTEMPTS_USED
    one_left = standing(PATIENT.max_attempts + 1, bugs=2)
    assert decide(TargetFailed("500"), one_left, PATIENT).kind is OutcomeKind.RETRY
    last_bug = standing(9, bugs=PATIENT.bug_attempts - 1)
    assert decide(HandlerBug("KeyError"), last_bug, PATIENT).reason == Reason.BUG
    assert decide(HandlerBug("KeyError"), last_bug, PATIENT).kind is OutcomeKind.DEAD
    first_bug = decide(HandlerBug("KeyError"), standing(5), PATIENT)
    assert first_bug.charged_to_us
    assert first_bug.due == NOW + timedelta(seconds=5)


def test_a_retry_goes_on_at_the_next_attempt_and_a_park_at_the_same() -> None:
    assert decide(TargetFailed(""), standing(3, 4), PATIENT).next == Position(attempt=4, park=0)
    assert decide(Busy(NOW, ""), standing(3, 4), PATIENT).next == Position(attempt=3, park=5)


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(0, 300), (100, 300), (301, 301), (10_000, 10_000), (86_401, 86_400), (10**9, 86_400)],
)
def test_retry_after_stretches_a_wait_up_to_a_day(asked: int, waited: int) -> None:
    end = TargetFailed("429", retry_after=timedelta(seconds=asked))
    assert decide(end, standing(2), PATIENT).due == NOW + timedelta(seconds=waited)


@given(
    asked=st.timedeltas(timedelta(0), timedelta(days=4)),
    age=st.timedeltas(timedelta(0), PATIENT.age_limit),
    attempt=st.integers(1, 7),
    luck=st.floats(0, 1, exclude_max=True),
)
def test_retry_after_never_makes_a_task_too_old(
    asked: timedelta, age: timedelta, attempt: int, luck: float
) -> None:
    known = standing(attempt, accepted_at=NOW - age, luck=luck)
    plain = decide(TargetFailed("429"), known, PATIENT)
    outcome = decide(TargetFailed("429", retry_after=asked), known, PATIENT)
    assert outcome.kind is plain.kind
    if outcome.due is not None and plain.due is not None:
        assert outcome.due >= plain.due
        assert outcome.due - NOW <= max(plain.due - NOW, MAX_RETRY_AFTER)
        assert not too_old(standing(accepted_at=NOW - age, now=outcome.due), PATIENT)


def lost(after: float, **known: int) -> Outcome:
    end = TargetFailed("refused", connection_lost_after=timedelta(seconds=after))
    return decide(end, standing(**known), PATIENT)


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.99])
def test_a_connection_lost_at_once_is_tried_again_at_once_and_uses_an_attempt(luck: float) -> None:
    outcome = decide(
        TargetFailed("refused", connection_lost_after=timedelta(milliseconds=999)),
        standing(luck=luck),
        REALTIME,
    )
    assert (outcome.kind, outcome.due) == (OutcomeKind.RETRY, NOW)
    assert outcome.next == Position(attempt=2, park=0)


def test_only_the_first_failure_is_tried_again_at_once() -> None:
    assert lost(0.1).due == NOW
    assert lost(0.1, attempt=2).due == NOW + timedelta(seconds=300)
    assert lost(0.1, attempt=3, bugs=2).due == NOW
    assert lost(0.1, attempt=8).reason == Reason.ATTEMPTS_USED


def test_a_connection_lost_after_a_second_follows_the_schedule() -> None:
    assert lost(1).due == NOW + timedelta(seconds=5)


def test_a_retry_past_the_age_limit_is_not_made() -> None:
    old = NOW - PATIENT.age_limit + timedelta(seconds=4)
    assert decide(TargetFailed("500"), standing(accepted_at=old), PATIENT).reason == Reason.TOO_OLD
    stale = NOW - REALTIME.age_limit + timedelta(seconds=1)
    assert decide(TargetFailed("500"), standing(accepted_at=stale), REALTIME).kind is OutcomeKind.SKIPPED


def test_age_counts_from_acceptance() -> None:
    assert not too_old(standing(accepted_at=NOW - PATIENT.age_limit), PATIENT)
    assert too_old(standing(accepted_at=NOW - PATIENT.age_limit - timedelta(microseconds=1)), PATIENT)


def test_newer_code_is_awaited_up_to_the_skew_age() -> None:
    def after(waited: timedelta) -> Outcome:
        return decide(NeedsNewerCode("v2"), standing(park=9, parked_since=NOW - waited), PATIENT)

    assert after(PATIENT.skew_age - timedelta(seconds=1)).due == NOW + PATIENT.skew_delay
    assert (after(PATIENT.skew_age).kind, after(PATIENT.skew_age).reason) == (
        OutcomeKind.DEAD,
        Reason.NEEDS_NEWER_CODE,
    )


@given(luck=st.floats(0, 1, exclude_max=True), attempt=st.integers(1, 7))
def test_jitter_stays_within_its_share(luck: float, attempt: int) -> None:
    outcome = decide(TargetFailed("500"), standing(attempt, luck=luck), PATIENT)
    plain = PATIENT.schedule[attempt - 1]
    assert outcome.due is not None
    assert 0.8 * plain <= outcome.due - NOW <= 1.2 * plain
