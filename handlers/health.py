"""Judges whether an endpoint is well, from how attempts on it end, and when its owner is told. Pure.

An endpoint that fails for `disable_after` without one success is disabled (the rule of Svix: 120 h). The time
begins with the first failure, and a success ends it. The owner is told at 50, 70, 90 and 100 % of it, once
each. One that says itself that it wants no more (410, or `webhook-delivery: disable`) is disabled at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from contracts import Notification
from handlers.delivery import End, Reason, Returned, TargetFailed, TargetRefused
from stores import Health

LEVELS = (100, 90, 70, 50)
"""Percent of `disable_after`."""
NOTICE = 0.1
"""Share of `disable_after` between an owner's last warning and the end, however rare calls are: who gets two
in a month, and fails both, is warned by the second and not yet disabled."""


class Cause(StrEnum):
    """Why an endpoint was disabled."""

    FAILING = "failing"
    GONE = "gone"
    ASKED = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Whom to tell of an endpoint's health, and how to call the endpoint."""

    uid: str
    endpoint: str
    """In words: `webhook for memory_created`."""


Keepers = Mapping[str, Callable[[Any], Awaitable[Keeper | None]]]
"""By the name of a task type: who keeps the endpoint that a task addresses; None where nobody is left. A type
that is not here addresses no endpoint of a user's, and has no health."""


def judged(health: Health, end: End, *, now: datetime, disable_after: timedelta) -> Health:
    """The health after an attempt that ended so; equal where that says nothing new.

    Where `told` is another afterwards, the owner must be told first: see `notice`.
    """
    if health.disabled_at is not None:
        return health
    match end:
        case Returned():
            return Health(enabled_at=health.enabled_at, missed_since=health.missed_since)
        case TargetRefused(reason=Reason.GONE):
            return _disabled(health, Cause.GONE, now)
        case TargetRefused(reason=Reason.ENDPOINT_DISABLED):
            return _disabled(health, Cause.ASKED, now)
        case TargetFailed() | TargetRefused(reason=Reason.BLOCKED_ADDRESS):
            return _failed(health, now, disable_after)
        case _:
            return health


def enabled(health: Health, now: datetime) -> Health:
    """The health of an endpoint that somebody enables: as if it had never failed.

    Enabling one that is well changes nothing, so that who does it again finds the same missed.
    """
    missed_since = health.failing_since or health.disabled_at
    return Health(enabled_at=now, missed_since=missed_since) if missed_since else health


def in_words(health: Health) -> str:
    """What an operator reads of it."""
    if health.disabled_at is not None:
        return f"is disabled since {health.disabled_at:%Y-%m-%d %H:%M} UTC ({health.disabled_for})"
    if health.failing_since is not None:
        return f"fails since {health.failing_since:%Y-%m-%d %H:%M} UTC"
    return "is well"


def notice(health: Health, keeper: Keeper, target: str, disable_after: timedelta) -> Notification:
    """What the keeper is told of `health.told`; the same of the same, whoever says it and how often."""
    since = health.failing_since or health.enabled_at
    begin = f"{since.timestamp():.6f}" if since else "0"
    digest = hashlib.sha256(target.encode()).hexdigest()[:32]
    title, body = _words(health, keeper, disable_after)
    return Notification(
        uid=keeper.uid,
        event=f"endpoint-health/{digest}/{begin}/{health.disabled_for or health.told}",
        subject=digest,
        title=title,
        body=body,
        data={"about": "endpoint-health", "target": target, "percent": str(health.told)},
    )


def _failed(health: Health, now: datetime, disable_after: timedelta) -> Health:
    since = health.failing_since or now
    passed = (now - since) / disable_after
    level = next((level for level in LEVELS if passed >= level / 100), 0)
    if level == 100 and (health.told_at is None or now - health.told_at < NOTICE * disable_after):
        level = 90
    failing = replace(health, failing_since=since)
    if level <= health.told:
        return failing
    if level == 100:
        return _disabled(failing, Cause.FAILING, now)
    return replace(failing, told=level, told_at=now)


def _disabled(health: Health, cause: Cause, now: datetime) -> Health:
    return replace(health, told=100, told_at=now, disabled_at=now, disabled_for=cause)


def _words(health: Health, keeper: Keeper, disable_after: timedelta) -> tuple[str, str]:
    """Title and body; the same whoever writes them, and when."""
    since = f"since {health.failing_since:%Y-%m-%d %H:%M} UTC" if health.failing_since else ""
    missed = "What it misses is kept and can be sent once it is enabled again."
    match health.disabled_for:
        case Cause.GONE:
            return f"Your {keeper.endpoint} is disabled", f"It answered 410 Gone. {missed}"
        case Cause.ASKED:
            return f"Your {keeper.endpoint} is disabled", f"It answered webhook-delivery: disable. {missed}"
        case Cause.FAILING:
            return f"Your {keeper.endpoint} is disabled", f"Every delivery has failed {since}. {missed}"
        case _:
            days = f"{disable_after / timedelta(days=1):g} days"
            passed = f"{health.told} % of the {days} after which it is disabled have passed."
            return f"Your {keeper.endpoint} fails", f"Every delivery has failed {since}. {passed}"
