"""Enables an endpoint again and finds what it missed, for command line and admin API. Judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from handlers.dead_letters.selection import select
from handlers.delivery import Reason
from handlers.health import enabled
from handlers.known_targets import BUDGET, READ_EVERY
from stores import DeadLetters, Filter, Health, Kept, TargetStates

MISSED = frozenset(
    {
        Reason.ENDPOINT_DISABLED,
        Reason.ATTEMPTS_USED,
        Reason.TARGET_FAILED,
        Reason.TOO_OLD,
        Reason.BUSY,
        Reason.GONE,
        Reason.BLOCKED_ADDRESS,
    }
)
"""Of what tasks die whose endpoint fails; the others are no fault of its."""
_MARGIN = timedelta(seconds=1)
"""A letter's death and the endpoint's are written one after the other."""


async def enable(
    target: str,
    states: TargetStates,
    *,
    now: datetime,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Health:
    """Send to an endpoint again; returns when every instance does. Doing it again changes nothing.

    Returns:
        Its health afterwards; `missed_since` says since when it missed something, if it ever did.

    Raises:
        StoreUnavailable: the storage is away; nothing was changed.
    """
    before = await states.health(target)
    after = await states.change_health(target, lambda health: enabled(health, now))
    if before.disabled_at is not None:
        await sleep(READ_EVERY + BUDGET)
    return after


async def missed(target: str, health: Health, letters: DeadLetters) -> AsyncIterator[Kept]:
    """The dead letters of what the endpoint missed, as far as nobody has decided on them.

    `handlers.dead_letters.replay.replay_each` sends them; what it has sent is missed no more, so that doing
    it again goes on where it was broken off.

    Args:
        health: as `enable` answered it, or would (`handlers.health.enabled`).
    """
    if health.missed_since is None:
        return
    wanted = Filter.open(target=target, died_after=health.missed_since - _MARGIN)
    async for kept in select(letters, wanted):
        if kept.letter.reason in MISSED:
            yield kept
