"""What everything depends on is away for ten minutes: nothing dies of it, all is delivered afterwards."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import cast

from contracts import Position
from emulator import VirtualClock
from handlers.delivery import End, Returned, TargetFailed
from handlers.effect import Delivery
from handlers.identity import Callers, Certificates
from handlers.settings import HandlerSettings
from stores import Key, Ledger, OutcomeKind, StoreUnavailable
from tests.flow.letters import Letter, letters_catalog
from tests.flow.virtual_stage import MakeCallers, VirtualStage, standard_callers, virtual_stage

TASKS = 300
EVERY = 3.0
"""Seconds between two tasks: they come before, during and after the outage."""
BEGINS_WITH = 30
"""In the middle of this task's attempt the outage begins."""
LASTS = 600.0
"""Seconds."""


@dataclass
class Outage:
    clock: VirtualClock
    ends_at: float = 0.0

    def begin(self) -> None:
        self.ends_at = self.clock.now() + LASTS

    @property
    def is_on(self) -> bool:
        return self.clock.now() < self.ends_at


@dataclass
class Target:
    """Fails every fifth letter once, and begins the outage while it takes one."""

    outage: Outage
    delivered: Counter[int] = field(default_factory=Counter)

    async def __call__(self, letter: Letter, delivery: Delivery) -> End:
        if letter.number == BEGINS_WITH and not self.outage.ends_at:
            self.outage.begin()
        if letter.number % 5 == 4 and delivery.attempt == 1:
            return TargetFailed("answered 500")
        self.delivered[letter.number] += 1
        return Returned()


class LedgerAway:
    """The real ledger, away while the outage lasts."""

    def __init__(self, inner: Ledger, outage: Outage) -> None:
        self._inner = inner
        self._outage = outage

    def __getattr__(self, name: str) -> object:
        method = getattr(self._inner, name)

        async def call(*args: object, **given: object) -> object:
            if self._outage.is_on:
                raise StoreUnavailable("the ledger is away")
            return await method(*args, **given)

        return call


class WrongAudience(Callers):
    """Those of a service that was deployed with another audience, while the outage lasts."""

    def __init__(self, right: Callers, wrong: Callers, outage: Outage) -> None:
        self._right = right
        self._wrong = wrong
        self._outage = outage

    async def check(self, authorization: str | None) -> str:
        return await (self._wrong if self._outage.is_on else self._right).check(authorization)


def wrong_audience(outage: Outage) -> MakeCallers:
    def callers(certificates: Certificates, settings: HandlerSettings) -> Callers:
        other = settings.model_copy(update={"audience": "https://staging.example"})
        right, wrong = (standard_callers(certificates, each) for each in (settings, other))
        return WrongAudience(right, wrong, outage)

    return callers


async def deliver(stage: VirtualStage) -> None:
    """Let letters come before, during and after the outage, and all of them end."""
    for number in range(TASKS):
        at = stage.now() + timedelta(seconds=EVERY * number)
        await stage.producer.enqueue(Letter(to=f"box-{number % 10}", number=number), schedule_at=at)
    await stage.emulator.drain(timeout=50)


async def positions(stage: VirtualStage) -> dict[int, tuple[OutcomeKind | None, Position]]:
    """The outcome that each letter's row holds, and at which position."""
    found = {}
    for number in range(TASKS):
        row = await stage.stores.ledger.read(Key("letter", f"box-{number % 10}/{number}", 0))
        assert row is not None
        found[number] = (row.outcome.kind if row.outcome else None, row.position)
    return found


def expected(number: int) -> tuple[OutcomeKind, Position]:
    """No attempt is charged for the outage: those that their target failed have a second one, no other."""
    return OutcomeKind.DONE, Position(attempt=2 if number % 5 == 4 else 1, park=0)


async def test_the_ledger_is_away(tmp_path: Path) -> None:
    clock = VirtualClock()
    outage = Outage(clock)
    target = Target(outage)
    catalog = await asyncio.to_thread(letters_catalog, tmp_path / "queues.yaml", 10.0)
    async with virtual_stage(
        tmp_path,
        catalog,
        target,
        clock=clock,
        chance=random.Random(1),
        ledger=lambda inner: cast("Ledger", LedgerAway(inner, outage)),
    ) as stage:
        await deliver(stage)
        assert stage.statuses.keys() == {200, 500}
        assert target.delivered == Counter(range(TASKS))
        found = await positions(stage)
        in_the_middle = found.pop(BEGINS_WITH)
        assert in_the_middle == (None, Position(attempt=1, park=0))  # done, and its outcome not recorded
        assert found == {number: expected(number) for number in found}


async def test_the_handlers_expect_another_audience(tmp_path: Path) -> None:
    clock = VirtualClock()
    outage = Outage(clock)
    target = Target(outage)
    catalog = await asyncio.to_thread(letters_catalog, tmp_path / "queues.yaml", 10.0)
    async with virtual_stage(
        tmp_path, catalog, target, clock=clock, chance=random.Random(1), callers=wrong_audience(outage)
    ) as stage:
        await deliver(stage)
        assert stage.statuses.keys() == {200, 401}
        assert target.delivered == Counter(range(TASKS))
        assert await positions(stage) == {number: expected(number) for number in range(TASKS)}
