"""Keeps the health of endpoints by the ends of attempts on them, and tells their owners. Fails no attempt.

The owner is told before it is written that he was: a process that dies in between tells him again, under the
same identity, with the next failure. So he is told at least once, and the queue drops what comes twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from contracts import Queue, Task
from handlers.delivery import End
from handlers.health import Keepers, judged, notice
from handlers.targets import Targets
from producers import ProducerError
from stores import Health, StoreError, TargetStates

_log = logging.getLogger(__name__)

BUDGET = 2.0
"""Seconds that telling and writing may take together."""


class EndpointHealth:
    """The health of all endpoints.

    Args:
        tell: enqueues tasks; returns once they are accepted.
    """

    def __init__(
        self,
        states: TargetStates,
        targets: Targets,
        keepers: Keepers,
        *,
        tell: Callable[[tuple[Task, ...]], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._states = states
        self._targets = targets
        self._keepers = keepers
        self._tell = tell
        self._clock = clock

    async def judge(self, task: Task, queue: Queue, end: End) -> None:
        """Draw the conclusion of an attempt that ended; where that cannot be done, the next one draws it."""
        disable_after = queue.delivery.disable_after
        if disable_after is None or task.name not in self._keepers:
            return
        target, now = task.target(), self._clock()
        targets = self._targets.of(queue)

        def judge(health: Health) -> Health:
            return judged(health, end, now=now, disable_after=disable_after)

        known = targets.health(target)
        if judge(known) == known:
            return
        try:
            async with asyncio.timeout(BUDGET):
                found = await self._states.health(target)
                after = judge(found)
                if after.told > found.told:
                    keeper = await self._keepers[task.name](task)
                    if keeper is not None:
                        await self._tell((notice(after, keeper, target, disable_after),))
                targets.learn(target, await self._states.change_health(target, judge))
        except (StoreError, ProducerError, TimeoutError) as error:
            _log.warning("health of %s is left as it was: %s", target, error or type(error).__name__)
            return
        if after.disabled_at is not None and found.disabled_at is None:
            _log.warning("%s is disabled: %s", target, after.disabled_for)
