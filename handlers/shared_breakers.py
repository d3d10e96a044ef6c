"""The breakers of one queue's targets, of which all instances learn what one of them found out.

Transitions are written as they happen and read within a second. A probe is claimed before it goes, so that
there is one in all instances. Where the store is away each instance has its own breaker, and its own probe.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

from handlers.known_targets import KnownTargets
from lanes import (
    Attempt,
    BreakerOpen,
    BreakerSettings,
    BreakerState,
    CircuitBreakers,
    Phase,
    Sample,
    Transition,
)
from stores import Traffic

_PROBE_PAUSE = 1.0
"""Seconds for which those stay away who come while a probe is under way; most probes have ended by then."""


class SharedBreakers:
    """Remembers 10,000 targets; `lanes.CircuitBreakers` tells what it does when there are more."""

    def __init__(
        self, settings: BreakerSettings, known: KnownTargets, *, seconds: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._known = known
        self._seconds = seconds
        self._breakers = CircuitBreakers(settings, clock=seconds, on_transition=self._note)
        self._claiming: set[str] = set()
        self._untold: set[str] = set()

    @asynccontextmanager
    async def admit(self, target: str) -> AsyncIterator[Attempt]:
        """Let one call go; when it ends, tell the others what it changed.

        Raises:
            BreakerOpen: it must not go; says when to come back.
        """
        self._adopt(target, self._known.of(target).traffic)
        if not self._would_probe(target):
            try:
                with self._breakers.admit(target) as attempt:
                    yield attempt
            finally:
                await self._tell(target)
            return
        if target in self._claiming:
            soon = self._seconds() + _PROBE_PAUSE
            raise BreakerOpen(target, retry_at=soon, retry_after=_PROBE_PAUSE)
        now, is_ours = self._seconds(), True
        self._claiming.add(target)
        try:
            is_ours = await self._claim(target, now)
            with self._breakers.admit(target) as attempt:
                self._claiming.discard(target)
                yield attempt
        finally:
            self._claiming.discard(target)
            if is_ours and target not in self._untold:
                await self._release(target, now)
            await self._tell(target)

    async def forget(self, target: str) -> None:
        """The target is gone or paused: it is left alone no more, here and elsewhere."""
        self._breakers.forget(target)
        if self._known.of(target).traffic.phase is not Phase.CLOSED:
            now = self._seconds()
            await self._known.change(target, lambda known: replace(known, phase=Phase.CLOSED, since=now))

    def opens_at(self, target: str) -> float:
        """When a call may be admitted; in the past, when one may now."""
        return self._breakers.retry_at(target) or 0.0

    def come_back_at(self, refusal: BreakerOpen) -> float:
        """When the target may be known to be well again."""
        if self._breakers.state(refusal.target).phase is Phase.HALF_OPEN:
            return min(refusal.retry_at, self._seconds() + _PROBE_PAUSE)
        return refusal.retry_at

    def samples(self, queue: str) -> Iterator[Sample]:
        """What is, for the table of metrics."""
        breakers = self._breakers.statistics()
        yield Sample("sidelane_target_breakers", (queue, Phase.CLOSED), breakers.closed)
        yield Sample("sidelane_target_breakers", (queue, Phase.OPEN), breakers.open)
        yield Sample("sidelane_target_breakers", (queue, Phase.HALF_OPEN), breakers.half_open)
        for (before, after), count in breakers.transitions.items():
            yield Sample("sidelane_target_breaker_transitions", (queue, before, after), count)
        yield Sample("sidelane_target_untracked", (queue,), breakers.untracked)

    def _note(self, transition: Transition) -> None:
        if transition.after is not Phase.HALF_OPEN:  # a probe was told when it was claimed
            self._untold.add(transition.target)

    def _adopt(self, target: str, traffic: Traffic) -> None:
        """Go by what others said, if it is news. While a probe is being claimed here, that is no news."""
        own = self._breakers.state(target)
        if target in self._claiming or own.phase is traffic.phase is Phase.CLOSED:
            return
        theirs = BreakerState(phase=traffic.phase, since=traffic.since, retry_at=traffic.retry_at)
        told = target in self._untold
        self._breakers.adopt(target, theirs)
        if not told:
            self._untold.discard(target)

    def _would_probe(self, target: str) -> bool:
        state = self._breakers.state(target)
        return state.phase is not Phase.CLOSED and self._seconds() >= state.retry_at

    async def _claim(self, target: str, now: float) -> bool:
        """Whether the probe of this target is ours; if not, what somebody else said of it is adopted."""
        own = self._breakers.state(target)
        ours = False

        def claim(known: Traffic) -> Traffic:
            nonlocal ours
            closed = known.phase is Phase.CLOSED and known.since > own.since
            ours = not closed and (known.phase is Phase.CLOSED or now >= known.retry_at)
            if not ours:
                return known
            return replace(known, phase=Phase.HALF_OPEN, since=now, retry_at=now + self._settings.probe_age)

        traffic = await self._known.change(target, claim)
        if not ours:
            self._claiming.discard(target)
            self._adopt(target, traffic)
        return ours

    async def _release(self, target: str, claimed_at: float) -> None:
        """The probe ended without a verdict: the next one may go, here and elsewhere."""
        now = self._seconds()

        def release(known: Traffic) -> Traffic:
            if known.phase is not Phase.HALF_OPEN or known.since != claimed_at:
                return known
            return replace(known, since=now, retry_at=now)

        await self._known.change(target, release)

    async def _tell(self, target: str) -> None:
        """Write a transition that was made here, unless somebody knows better by now."""
        if target not in self._untold:
            return
        self._untold.discard(target)
        own = self._breakers.state(target)

        def tell(known: Traffic) -> Traffic:
            if known.since > own.since:
                return known
            return replace(known, phase=own.phase, since=own.since, retry_at=own.retry_at)

        await self._known.change(target, tell)
