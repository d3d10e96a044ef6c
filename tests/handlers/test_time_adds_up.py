"""What the loader adds up is all the time that a request takes, however slow the stores are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from contracts import Catalog, Envelope, TaskRegistry
from handlers.arrival import TaskRequest
from handlers.delivery import End, Returned, TargetFailed
from handlers.effect import Delivery
from handlers.endpoint_health import EndpointHealth
from handlers.follow_up import FollowUp, Outbox
from handlers.health import Keeper
from handlers.pipeline import Pipeline
from handlers.reply import Reply
from handlers.targets import Targets
from lanes import Telemetry
from stores import Blobs, Claim, Health, Outcome, Recorded, Start, TargetState, Traffic
from tests.handlers.conftest import START, Note
from tests.handlers.model.core import Anyone
from tests.lanes.virtual_time import run
from tests.stores.memory_ledger import MemoryLedger

CLAIM, SETTLE = 5.0, 10.0
DEADLINE = 30.0
NOTE = Note(id="n1", realtime=False)


class SlowStates:
    """Implements `stores.TargetStates`: one state, and every answer takes almost as long as it may."""

    def __init__(self) -> None:
        self._state = TargetState()

    async def read(self, _: str, __: str) -> TargetState:
        await asyncio.sleep(0.9)
        return self._state

    async def change_traffic(self, _: str, __: str, change: Callable[[Traffic], Traffic]) -> Traffic:
        await asyncio.sleep(0.9)
        self._state = replace(self._state, traffic=change(self._state.traffic))
        return self._state.traffic

    async def health(self, _: str) -> Health:
        await asyncio.sleep(0.9)
        return self._state.health

    async def change_health(self, _: str, change: Callable[[Health], Health]) -> Health:
        await asyncio.sleep(0.9)
        self._state = replace(self._state, health=change(self._state.health))
        return self._state.health

    async def forget(self, _: str) -> None:
        raise AssertionError("nobody asks for it")


@dataclass
class SlowLedger(MemoryLedger):
    """Seconds that its answers take."""

    claims_in: float = 0.0
    records_in: float = 0.0

    def __post_init__(self) -> None:
        super().__init__()

    async def claim(self, start: Start) -> Claim:
        await asyncio.sleep(self.claims_in)
        return await super().claim(start)

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        await asyncio.sleep(self.records_in)
        return await super().record(start, outcome, body)


@dataclass
class Stage:
    """A pipeline in virtual time, whose targets' store is slow."""

    catalog: Catalog
    ledger: SlowLedger
    effect: Callable[[Note, Delivery], Awaitable[End]]
    began: list[float] = field(default_factory=list)
    """When effects began."""

    def __post_init__(self) -> None:
        telemetry, states = Telemetry(), SlowStates()
        targets = Targets(states, clock=_now, random=lambda: 0.0, telemetry=telemetry)
        follow_up = FollowUp(cast("Outbox", None), self.ledger)  # no follow-up is reached

        async def keeper(_: Note) -> Keeper:
            return Keeper(uid="u", endpoint="notebook")

        self.pipeline = Pipeline(
            callers=Anyone(),
            catalog=self.catalog,
            registry=TaskRegistry([Note]),
            ledger=self.ledger,
            blobs=cast("Blobs", None),  # the task is small and travels whole
            effects={Note.name: self._run},
            targets=targets,
            follow_up=follow_up,
            health=EndpointHealth(states, targets, {Note.name: keeper}, tell=follow_up.derive, clock=_now),
            telemetry=telemetry,
            clock=_now,
            luck=lambda: 0.5,
        )

    async def handle(self, note: Note = NOTE) -> Reply:
        return await self.pipeline.handle(
            TaskRequest(
                type=note.name,
                body=Envelope.seal(note, accepted_at=_now()).encode(),
                authorization=None,
                cloud_queue="developer-webhooks",
                task_name="t1",
            )
        )

    async def _run(self, note: Note, delivery: Delivery) -> End:
        self.began.append(_time())
        return await self.effect(note, delivery)


async def returning(_: Note, __: Delivery) -> End:
    return Returned()


async def endless(_: Note, __: Delivery) -> End:
    await asyncio.sleep(10 * DEADLINE)
    return Returned()


async def failing(_: Note, __: Delivery) -> End:
    return TargetFailed("answered 500")


def test_an_effect_begins_within_the_time_to_claim_or_not_at_all(catalog: Catalog) -> None:
    async def test() -> None:
        slow = Stage(catalog, SlowLedger(claims_in=4.5), returning)
        assert (await slow.handle()).status == 500
        assert (_time(), slow.began) == (CLAIM, [])
        (row,) = slow.ledger.rows.values()
        assert (row.starts, row.outcome) == (0, None)
        slow.ledger.claims_in = 3.5
        assert (await slow.handle()).word == "done"

    run(test())


def test_an_effect_that_began_has_its_whole_deadline(catalog: Catalog) -> None:
    async def test() -> None:
        slow = Stage(catalog, SlowLedger(claims_in=3.5, records_in=SETTLE), endless)
        await slow.handle()
        assert slow.began == [4.4]
        assert _time() <= CLAIM + DEADLINE + SETTLE

    run(test())


def test_what_is_told_of_the_target_is_part_of_the_time_to_settle(catalog: Catalog) -> None:
    async def test() -> None:
        slow = Stage(catalog, SlowLedger(records_in=2 * SETTLE), failing)
        for number in range(5):  # the first is the endpoint's first failure, the fifth opens the breaker
            await slow.handle(Note(id=f"n{number}", realtime=False))
            assert _time() == pytest.approx(slow.began[-1] + SETTLE)

    run(test())


def _time() -> float:
    return round(asyncio.get_running_loop().time(), 3)


def _now() -> datetime:
    return START + timedelta(seconds=asyncio.get_running_loop().time())
