"""Waits until nothing is left to dispatch or push, and lets a virtual clock jump there; it sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from emulator.engine.clock import Clock, VirtualClock
from emulator.errors import NotIdleError
from emulator.fault_switches import FaultSwitches
from emulator.pubsub import Backlog, PubSub
from emulator.store import Store
from emulator.tasks import QueueSummary, TasksService

_TURNS = 12
"""Turns of the event loop in which whatever follows from an answer or a commit has begun."""
_LOOK = 0.05
"""Seconds after which is looked again at the latest; each commit is a reason to look too."""


class Drain:
    """Idle is: no task waits or is under way, and no message is left to push.

    What waits in a paused queue does not count, nor do messages that are to be pulled.
    """

    def __init__(
        self, store: Store, clock: Clock, tasks: TasksService, pubsub: PubSub, faults: FaultSwitches
    ) -> None:
        self._store = store
        self._clock = clock
        self._tasks = tasks
        self._pubsub = pubsub
        self._faults = faults

    async def wait(self, timeout: float) -> None:
        """Return once idle. On a virtual clock no time is waited for: it jumps to what goes next.

        Raises NotIdleError after `timeout` seconds of real time, naming what still waits.
        """
        try:
            async with asyncio.timeout(timeout):
                while (pushes := await pushes_left(self._pubsub)) or queues_left(self._tasks):
                    await self._go_on(pushes_wait=bool(pushes))
        except TimeoutError:
            left = await self._left()
            if left:
                raise NotIdleError(f"not idle after {timeout:g} s", left) from None

    async def _go_on(self, *, pushes_wait: bool) -> None:
        """Let something happen."""
        if not isinstance(self._clock, VirtualClock):
            await self._tasks.drained()
            if pushes_wait:
                await self._store.next_commit(_LOOK)
        elif await self._is_quiet():
            moment = self._next(self._clock, pushes_wait=pushes_wait)
            if moment is None:
                await self._store.next_commit(_LOOK)
            else:
                self._clock.advance_to(moment)

    async def _is_quiet(self) -> bool:
        """Whether all that goes now, at this virtual moment, is done with; if not, wait a little."""
        quiet = 0
        for _ in range(4 * _TURNS):
            quiet = 0 if self._is_busy() else quiet + 1
            if quiet == _TURNS:
                return True
            await asyncio.sleep(0)
        await self._store.next_commit(_LOOK)
        return False

    def _is_busy(self) -> bool:
        store, tasks, pushes = self._store.statistics(), self._tasks.statistics(), self._pubsub.statistics()
        under_way = tasks.in_flight + tasks.forced_in_flight + pushes.pushes_under_way
        return under_way > self._faults.delayed or store.pending > 0 or store.reading > 0

    def _next(self, clock: VirtualClock, *, pushes_wait: bool) -> float | None:
        """When the next task goes; a timer of Pub/Sub, or of a dispatch that is held back, may be sooner."""
        moments = [self._tasks.next_dispatch_at()]
        if pushes_wait or self._faults.delayed:
            moments.append(clock.next_call())
        return min((moment for moment in moments if moment is not None), default=None)

    async def _left(self) -> Sequence[str]:
        """What still waits, in words."""
        left = [
            f"{queue.name} ({queue.dispatch.waiting} waiting, {queue.dispatch.under_way} under way)"
            for queue in queues_left(self._tasks)
        ]
        left += [
            f"{backlog.subscription} ({backlog.unacknowledged} to push)"
            for backlog in await pushes_left(self._pubsub)
        ]
        due = self._tasks.next_dispatch_at()
        if left and due is not None and due > self._clock.now():
            left.append(f"the next task goes at {datetime.fromtimestamp(due, UTC):%Y-%m-%dT%H:%M:%SZ}")
        return left


def queues_left(tasks: TasksService) -> Sequence[QueueSummary]:
    """Those with something to dispatch, now or later, or under way; what waits in a paused one is not."""
    return [
        queue
        for queue in tasks.queues()
        if queue.dispatch.under_way or (queue.dispatch.waiting and not queue.paused)
    ]


async def pushes_left(pubsub: PubSub) -> Sequence[Backlog]:
    """Those of subscriptions that have something to push."""
    return [each for each in await pubsub.backlogs() if each.push_endpoint and each.unacknowledged]
