"""Holds the faults that are switched on and lets them strike; what they are is the engine's to say."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

from emulator.engine.clock import Clock, sleep_until
from emulator.engine.exchange import End, Failure, FailureReason, HttpRequest, Response, Sender
from emulator.engine.faults import NO_FAULTS, Crash, CrashPoint, Fate, FaultPlan, Faults, fate, strikes
from emulator.errors import StoreError

MAX_NAMED = 1000
"""Queues and subscriptions with faults of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStatistics:
    """Faults that struck since the start, dispatches held back now, and names with faults of their own."""

    duplicated_total: int
    dropped_total: int
    refused_total: int
    reordered_total: int
    delayed: int
    named: int
    max_named: int


class FaultSwitches:
    """The faults in force; `plan` shows them. All are off at first.

    `die` ends the process where a crash strikes. It runs on the store's writer thread; where it raises
    StoreError instead, the store takes no more writes, as after a crash, and the emulator can be closed.
    """

    def __init__(self, chance: random.Random, *, die: Callable[[], None]) -> None:
        self.chance = chance
        self._die = die
        self.plan = FaultPlan()
        self._writes_left = 0
        self._struck: dict[Fate, int] = dict.fromkeys(Fate, 0)
        self._reordered = 0
        self.delayed = 0

    def set(self, faults: Faults, name: str | None = None) -> None:
        """From now on these faults: of the queue or subscription `name`, or of all without their own.

        Raises ValueError where `MAX_NAMED` names have some.
        """
        if name is None:
            self.plan = replace(self.plan, everywhere=faults)
            return
        named = {**self.plan.named, name: faults}
        if len(named) > MAX_NAMED:
            raise ValueError(f"{MAX_NAMED} queues and subscriptions have faults: clear those of some first")
        self.plan = replace(self.plan, named=MappingProxyType(named))

    def set_crash(self, crash: Crash | None) -> None:
        """Crash so, counted from now; None: do not."""
        self._writes_left = (crash and crash.nth_write) or 0
        self.plan = replace(self.plan, crash=crash)

    def clear(self, name: str | None = None) -> None:
        """Switch everything off, or let `name` have no faults of its own."""
        if name is None:
            self.plan = FaultPlan()
        else:
            named = {other: faults for other, faults in self.plan.named.items() if other != name}
            self.plan = replace(self.plan, named=MappingProxyType(named))

    def fate(self, name: str) -> Fate:
        """What becomes of the next dispatch of the queue or subscription `name`."""
        drawn = fate(self.plan.of(name), self.chance)
        self._struck[drawn] += 1
        return drawn

    def reorders(self, queue: str) -> bool:
        """Whether this turn of the queue dispatches in random order."""
        rate = self.plan.of(queue).reorder
        struck = rate > 0 and strikes(rate, self.chance)
        self._reordered += struck
        return struck

    def at_write(self, point: CrashPoint, writes: int) -> None:
        """The store reached `point` of a commit of so many writes; it may die here."""
        crash = self.plan.crash
        if crash is None or crash.at is not point:
            return
        self._writes_left -= writes
        struck = self._writes_left <= 0 if crash.rate is None else strikes(crash.rate, self.chance)
        if struck:
            self.set_crash(None)
            self._die()

    def statistics(self) -> FaultStatistics:
        return FaultStatistics(
            duplicated_total=self._struck[Fate.SENT_TWICE],
            dropped_total=self._struck[Fate.LOST],
            refused_total=self._struck[Fate.REFUSED],
            reordered_total=self._reordered,
            delayed=self.delayed,
            named=len(self.plan.named),
            max_named=MAX_NAMED,
        )


class FaultySender:
    """Sends as `sender` does, but for the faults of the request's source."""

    def __init__(self, sender: Sender, switches: FaultSwitches, clock: Clock) -> None:
        self._sender = sender
        self._switches = switches
        self._clock = clock

    async def send(self, request: HttpRequest, deadline: float) -> End:
        faults = self._switches.plan.of(request.source)
        if faults is NO_FAULTS:
            return await self._sender.send(request, deadline)
        if faults.delay:
            held_back = min(faults.delay, deadline)
            await self._hold_back(held_back)
            deadline -= held_back
        match self._switches.fate(request.source):
            case Fate.LOST:
                return Failure(FailureReason.TIMEOUT, f"{request.url} was not sent: a fault switch lost it")
            case Fate.REFUSED:
                return Response(503)
            case _ if deadline <= 0:
                return Failure(FailureReason.TIMEOUT, f"{request.url} was held back until its deadline")
            case Fate.SENT_TWICE:
                sends = [self._sender.send(request, deadline) for _ in range(2)]
                first, _ = await asyncio.gather(*sends)
                return first
            case _:
                return await self._sender.send(request, deadline)

    async def _hold_back(self, seconds: float) -> None:
        self._switches.delayed += 1
        try:
            await sleep_until(self._clock, self._clock.now() + seconds)
        finally:
            self._switches.delayed -= 1


def stop_writing() -> None:
    """The death of an emulator within another process: its store fails from now on. Raises StoreError."""
    raise StoreError("a fault switch let the emulator crash: close it, and open another one on its folder")
