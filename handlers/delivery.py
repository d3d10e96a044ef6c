"""Decides what an attempt's end means for its task. Pure: the one table of it.

| the attempt ended by                       | outcome                                          |
|--------------------------------------------|--------------------------------------------------|
| Returned                                   | done                                             |
| TargetFailed                               | retry by the schedule; dead when attempts are up |
|   its first, a connection lost within 1 s  | retry at once; uses an attempt                   |
| HandlerBug                                 | the same, on a budget of its own                 |
| Busy                                       | park until its slot; uses no attempt             |
| HeldElsewhere                              | park until the lease ends; uses no attempt       |
| Suspect                                    | park, on the quarantine queue; uses no attempt   |
| NeedsNewerCode                             | park, up to the skew age; then dead              |
| TargetRefused, Unreadable, Poisonous       | dead                                             |
| OwnerPaused, TooOld (or due when too old), | dead; skipped where the queue is realtime        |
|   EndpointDisabled                         |                                                  |
| NotWanted                                  | skipped                                          |
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from contracts import DeliveryPolicy, Position
from handlers.ends import (
    Busy,
    End,
    EndpointDisabled,
    HandlerBug,
    HeldElsewhere,
    NeedsNewerCode,
    NotWanted,
    OwnerPaused,
    Poisonous,
    Reason,
    Returned,
    Suspect,
    TargetFailed,
    TargetRefused,
    TooOld,
    Unreadable,
)
from stores import Outcome, OutcomeKind

__all__ = (
    "INSTANT",
    "MAX_RETRY_AFTER",
    "SUSPECT_STARTS",
    "Busy",
    "End",
    "EndpointDisabled",
    "HandlerBug",
    "HeldElsewhere",
    "NeedsNewerCode",
    "NotWanted",
    "OwnerPaused",
    "Poisonous",
    "Reason",
    "Returned",
    "Standing",
    "Suspect",
    "TargetFailed",
    "TargetRefused",
    "TooOld",
    "Unreadable",
    "decide",
    "too_old",
)
"""The table, and the ends that it is about."""

MAX_RETRY_AFTER = timedelta(hours=24)
INSTANT = timedelta(seconds=1)
"""A connection that broke sooner than this was most likely a stale one, or met a server between two
processes: the first such failure is tried again at once (the rule of Svix)."""
SUSPECT_STARTS = 2
"""Starts that ended without a trace after which a task runs in quarantine: one is bad luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of the task at the end of its attempt."""

    position: Position
    accepted_at: datetime
    now: datetime
    bugs: int = 0
    """Earlier attempts that a bug of ours failed."""
    parked_since: datetime | None = None
    luck: float = 0.5
    """Uniform in [0, 1): spreads retries; 0.5 is the schedule itself."""
    quarantine: str | None = None
    """The quarantine queue, where the task came from it: there it stays until it ends."""


def decide(end: End, standing: Standing, policy: DeliveryPolicy) -> Outcome:  # noqa: C901  (one case a row)
    """The outcome of an attempt that ended so."""
    match end:
        case Returned():
            return _final(OutcomeKind.DONE, Reason.DELIVERED, "", standing)
        case TargetFailed(detail, retry_after, lost_after):
            failures = standing.position.attempt - standing.bugs
            if failures >= policy.max_attempts:
                return _dead(
                    Reason.ATTEMPTS_USED, f"{failures} attempts failed, the last: {detail}", standing
                )
            if failures == 1 and lost_after is not None and lost_after < INSTANT:
                return _retry(Reason.TARGET_FAILED, detail, timedelta(0), standing, policy)
            wait = _asked(_wait(policy, failures, standing.luck), retry_after, standing, policy)
            return _retry(Reason.TARGET_FAILED, detail, wait, standing, policy)
        case HandlerBug(detail):
            bugs = standing.bugs + 1
            if bugs >= policy.bug_attempts:
                return _dead(Reason.BUG, f"{bugs} attempts met a bug of ours, the last: {detail}", standing)
            return _retry(Reason.BUG, detail, _wait(policy, bugs, standing.luck), standing, policy)
        case Busy(until, detail):
            if until - standing.accepted_at > policy.age_limit:
                text = f"its turn would come after the age limit; {detail}"
                return _of_no_use(Reason.TOO_OLD, text, standing, policy)
            return _park(Reason.BUSY, detail, until, standing)
        case HeldElsewhere(until):
            return _park(Reason.LEASED, f"another start holds it until {until.isoformat()}", until, standing)
        case NeedsNewerCode(detail):
            waited = standing.now - (standing.parked_since or standing.now)
            if waited >= policy.skew_age:
                return _dead(Reason.NEEDS_NEWER_CODE, f"{detail}; waited {waited} for it", standing)
            due = standing.now + _spread(policy.skew_delay, policy.jitter, standing.luck)
            return _park(Reason.NEEDS_NEWER_CODE, detail, due, standing)
        case TargetRefused(reason, detail):
            return _dead(reason, detail, standing)
        case Unreadable(detail, reason):
            return _dead(reason, detail, standing)
        case Poisonous(detail):
            return _dead(Reason.POISON, detail, standing)
        case Suspect(starts, quarantine):
            text = f"{starts} starts ended with the death of their process"
            return _park(Reason.SUSPECT, text, standing.now, replace(standing, quarantine=quarantine))
        case OwnerPaused():
            return _of_no_use(Reason.OWNER_PAUSED, "its owner paused the endpoint", standing, policy)
        case EndpointDisabled():
            return _of_no_use(Reason.ENDPOINT_DISABLED, "the endpoint is disabled", standing, policy)
        case TooOld():
            return _of_no_use(Reason.TOO_OLD, _age(standing, policy), standing, policy)
        case NotWanted(reason):
            return _final(OutcomeKind.SKIPPED, reason, "", standing)


def too_old(standing: Standing, policy: DeliveryPolicy) -> bool:
    return standing.now - standing.accepted_at > policy.age_limit


def _retry(
    reason: Reason, detail: str, wait: timedelta, standing: Standing, policy: DeliveryPolicy
) -> Outcome:
    due = standing.now + wait
    if due - standing.accepted_at > policy.age_limit:
        text = f"the next attempt would come after the age limit; the last failure: {detail}"
        return _of_no_use(Reason.TOO_OLD, text, standing, policy)
    return Outcome(
        kind=OutcomeKind.RETRY,
        reason=reason,
        detail=detail,
        decided_at=standing.now,
        due=due,
        next=Position(attempt=standing.position.attempt + 1, park=0),
        queue=standing.quarantine,
        charged_to_us=reason is Reason.BUG,
    )


def _park(reason: Reason, detail: str, due: datetime, standing: Standing) -> Outcome:
    position = standing.position
    return Outcome(
        kind=OutcomeKind.PARK,
        reason=reason,
        detail=detail,
        decided_at=standing.now,
        due=due,
        next=Position(attempt=position.attempt, park=position.park + 1),
        queue=standing.quarantine,
    )


def _of_no_use(reason: Reason, detail: str, standing: Standing, policy: DeliveryPolicy) -> Outcome:
    kind = OutcomeKind.SKIPPED if policy.realtime else OutcomeKind.DEAD
    return _final(kind, reason, detail, standing)


def _dead(reason: Reason, detail: str, standing: Standing) -> Outcome:
    return _final(OutcomeKind.DEAD, reason, detail, standing)


def _final(kind: OutcomeKind, reason: Reason, detail: str, standing: Standing) -> Outcome:
    return Outcome(kind=kind, reason=reason, detail=detail, decided_at=standing.now)


def _wait(policy: DeliveryPolicy, failures: int, luck: float) -> timedelta:
    return _spread(policy.schedule[min(failures, len(policy.schedule)) - 1], policy.jitter, luck)


def _spread(wait: timedelta, jitter: float, luck: float) -> timedelta:
    return wait * (1 + jitter * (2 * luck - 1))


def _asked(
    wait: timedelta, retry_after: timedelta | None, standing: Standing, policy: DeliveryPolicy
) -> timedelta:
    """The target may stretch a wait, and never shorten it, nor so that the task gets too old by waiting.

    The next attempt is left one deadline before the age limit, since its dispatch takes time too.
    """
    if retry_after is None:
        return wait
    left = standing.accepted_at + policy.age_limit - policy.deadline - standing.now
    return max(wait, min(retry_after, MAX_RETRY_AFTER, left))


def _age(standing: Standing, policy: DeliveryPolicy) -> str:
    return f"accepted {standing.now - standing.accepted_at} ago, the limit is {policy.age_limit}"
