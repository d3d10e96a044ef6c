"""Forwards dead letters when their time has come; which ones, and how, `dead_letters` says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from functools import partial

from emulator.engine.clock import Clock, sleep_until
from emulator.errors import StoreError
from emulator.pubsub import times
from emulator.pubsub.changes import DEAD_LETTERS, Changes, Wakeups
from emulator.pubsub.dead_letters import Forwarded, forward
from emulator.pubsub.pusher import STORE_PAUSE

logger = logging.getLogger(__name__)


class DeadLetterForwarder:
    """One loop over all subscriptions; each round forwards what is due, in one commit."""

    def __init__(self, changes: Changes, wakeups: Wakeups, clock: Clock) -> None:
        self._changes = changes
        self._wakeups = wakeups
        self._clock = clock
        self._forwarded = 0

    @property
    def forwarded(self) -> int:
        """Messages since the start."""
        return self._forwarded

    async def open(self) -> None:
        self._loop = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        """End forwarding; what is exhausted goes after the next start."""
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        with self._wakeups.listen(DEAD_LETTERS) as woken:
            while True:
                woken.clear()
                now = times.now(self._clock)
                try:
                    done = await self._changes.commit(partial(forward, now=now), concerns=_concerned)
                except StoreError:
                    logger.exception("cannot forward dead letters; trying again")
                    await sleep_until(self._clock, self._clock.now() + STORE_PAUSE)
                    continue
                self._forwarded += done.count
                await self._wakeups.wait(woken, done.next_due)


def _concerned(done: Forwarded) -> Collection[str]:
    return done.concerned
