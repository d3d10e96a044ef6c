"""Pipelines with a fault each, which the model must find: if not, it would miss others too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, cast

from handlers.arrival import Arrival
from handlers.pipeline import Pipeline
from handlers.reply import Reply
from stores import Claim, Leased, Ledger, Outcome, Recorded, Settled, Start, Superseded
from tests.stores.forwarding import ForwardingLedger


class FollowUpFirst(Pipeline):
    """Follows an outcome up before it records it."""

    async def _record(
        self, arrival: Arrival, start: Start, outcome: Outcome, settled_by: float
    ) -> Recorded | None:
        reply = await self._follow(arrival, outcome, "followed up", settled_by)
        return await super()._record(arrival, start, outcome, settled_by) if reply.status == 200 else None


class ForgetsWhatItCannotRecord(Pipeline):
    """Answers 2xx whatever happened."""

    async def handle(self, request: Any) -> Reply:
        return replace(await super().handle(request), status=200)


class AnyoneDecides(ForwardingLedger):
    """Records without comparing: whoever comes last is right."""

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        await super().record(start, outcome, body)
        return Settled(outcome)


class HeldIsForgotten(ForwardingLedger):
    """Who finds a lease held answers 2xx, as if another had the task for good."""

    async def claim(self, start: Start) -> Claim:
        claim = await super().claim(start)
        return Superseded() if isinstance(claim, Leased) else claim


def as_a(kind: type[Pipeline]) -> Callable[[Pipeline], Pipeline]:
    def wrap(pipeline: Pipeline) -> Pipeline:
        return kind(**{each.name: getattr(pipeline, each.name) for each in fields(pipeline)})

    return wrap


def with_a(kind: type[ForwardingLedger]) -> Callable[[Pipeline], Pipeline]:
    def wrap(pipeline: Pipeline) -> Pipeline:
        return replace(pipeline, ledger=cast("Ledger", kind(pipeline.ledger)))

    return wrap
