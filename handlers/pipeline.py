"""The way of one request: authenticate, decode, claim, bound, run, settle. Knows no HTTP framework.

A request is answered 2xx only after it has recorded an outcome and done its follow-up itself, or has
seen that the task went on or ended. 500 means: could not look up, record, create or publish; the queue
calls again. A crash between any two steps leaves a task that the queue calls again, and the ledger knows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from contracts import (
    CLAIM_BUDGET,
    SETTLE_BUDGET,
    Catalog,
    CatalogError,
    Envelope,
    TaskRegistry,
    Undecodable,
)
from handlers.arrival import Arrival, TaskRequest, arrive, carrier
from handlers.delivery import (
    End,
    HandlerBug,
    Poisonous,
    Reason,
    Returned,
    Standing,
    TargetFailed,
    TooOld,
    Unreadable,
    decide,
    too_old,
)
from handlers.effect import Delivery, Effects
from handlers.errors import CallerRefused, HandlerError, UnknownQueue
from handlers.follow_up import FollowUp
from handlers.identity import Callers
from handlers.targets import Call, Targets
from lanes import Telemetry
from producers import ProducerError
from stores import Key, Ledger, Row, Settled, Started, StoreError

_log = logging.getLogger(__name__)

CANNOT_RECORD = (StoreError, ProducerError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    word: str
    """What happened, for the log of the queue."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    callers: Callers
    catalog: Catalog
    registry: TaskRegistry
    ledger: Ledger
    effects: Effects
    targets: Targets
    follow_up: FollowUp
    telemetry: Telemetry
    clock: Callable[[], datetime]
    luck: Callable[[], float]
    """Uniform in [0, 1)."""

    async def handle(self, request: TaskRequest) -> Reply:
        """Do everything that the request asks for; never raises but for cancellation."""
        try:
            await self.callers.check(request.authorization)
            arrival = arrive(request, catalog=self.catalog, registry=self.registry)
        except CallerRefused as error:
            self.telemetry.refused_callers.labels(status=error.status, reason=error.reason).inc()
            return Reply(error.status, str(error))
        except Undecodable as error:
            return await self._bury(request, error)
        except (HandlerError, CatalogError) as error:
            _log.error("task %s cannot be handled: %s", request.task_name, error)
            return Reply(500, str(error))
        return await self._attempt(arrival)

    async def _attempt(self, arrival: Arrival) -> Reply:
        key = Key.of(arrival.envelope)
        try:
            async with asyncio.timeout(CLAIM_BUDGET.total_seconds()):
                claim = await self.ledger.claim(key, arrival.envelope.position)
        except CANNOT_RECORD as error:
            return _cannot("claim", arrival, error)
        match claim:
            case Started(row):
                try:
                    end = self._verdict(arrival, row) or await self._bound(arrival, row)
                except StoreError as error:
                    return _cannot("run", arrival, error)
                return await self._settle(arrival, row, end)
            case Settled(outcome):
                try:
                    async with asyncio.timeout(SETTLE_BUDGET.total_seconds()):
                        await self.follow_up(
                            arrival.envelope,
                            outcome,
                            queue=arrival.queue,
                            target=arrival.target,
                            owner=arrival.owner,
                        )
                except CANNOT_RECORD as error:
                    return _cannot("follow up", arrival, error)
                return Reply(200, f"already {outcome.kind}")
            case _:
                return Reply(200, "superseded")

    def _verdict(self, arrival: Arrival, row: Row) -> End | None:
        """Why a claimed task is not run; None where it is."""
        policy = arrival.queue.delivery
        if row.starts > policy.max_starts:
            return Poisonous(row.starts - 1)
        if isinstance(arrival.verdict, Unreadable):
            return arrival.verdict
        if too_old(self._standing(arrival, row), policy):
            return TooOld()
        return arrival.verdict

    async def _bound(self, arrival: Arrival, row: Row) -> End:
        """Run the effect if its target takes one more now. Raises `StoreError` as `_run`."""
        call = Call(
            target=arrival.target,
            has_slot=bool(row.history) and row.history[-1].outcome.reason == Reason.BUSY,
            useful_until=arrival.envelope.accepted_at + arrival.queue.delivery.age_limit,
        )
        return await self.targets.of(arrival.queue).run(call, lambda: self._run(arrival))

    async def _run(self, arrival: Arrival) -> End:
        """Run the effect. Raises `StoreError` where it could not look up what it needs: that is no bug of
        its own and no fault of the target, so it costs the task nothing and the queue calls again."""
        task, envelope = arrival.task, arrival.envelope
        if task is None:
            raise AssertionError("a task without payload has a verdict and is not run")
        deadline = arrival.queue.delivery.deadline.total_seconds()
        delivery = Delivery(id=envelope.delivery_id, attempt=envelope.attempt, deadline=deadline)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(deadline) as timeout:
                return await self.effects[task.name](task, delivery)
        except (asyncio.CancelledError, StoreError):
            await self._give_back(envelope)
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and timeout.expired():
                return TargetFailed(f"not done within {deadline:g} s")
            _log.exception("task %s %s met a bug", task.name, envelope.identity)
            return HandlerBug(f"{type(error).__name__}: {error}")
        finally:
            self.telemetry.attempt_seconds.labels(type=task.name).observe(time.perf_counter() - began)

    async def _give_back(self, envelope: Envelope) -> None:
        """The run was broken off in good order: its start must not count as one that killed its process."""
        try:
            await asyncio.shield(self.ledger.release(Key.of(envelope)))
        except StoreError as error:
            _log.warning("start of %s %s stays counted: %s", envelope.type, envelope.identity, error)

    async def _settle(self, arrival: Arrival, row: Row, end: End) -> Reply:
        envelope = arrival.envelope
        outcome = decide(end, self._standing(arrival, row), arrival.queue.delivery)
        try:
            async with asyncio.timeout(SETTLE_BUDGET.total_seconds()):
                if isinstance(end, Returned) and end.then:
                    await self.follow_up.derive(end.then)
                standing = await self.ledger.record(Key.of(envelope), envelope.position, outcome)
                if standing is None:
                    return Reply(200, "superseded")
                await self.follow_up(
                    envelope, standing, queue=arrival.queue, target=arrival.target, owner=arrival.owner
                )
        except CANNOT_RECORD as error:
            if isinstance(end, Returned) and isinstance(error, StoreError | TimeoutError):
                # Calling again would repeat for certain what a crash repeats only perhaps.
                _log.warning("done but not recorded: %s %s: %s", envelope.type, envelope.identity, error)
                return Reply(200, "done, not recorded")
            return _cannot("settle", arrival, error)
        known = arrival.task is not None
        self.telemetry.outcomes.labels(
            type=envelope.type if known else "unknown", outcome=standing.kind, reason=standing.reason
        ).inc()
        _log.info(
            "%s %s attempt %d: %s (%s) %s",
            envelope.type,
            envelope.identity,
            envelope.attempt,
            standing.kind,
            standing.reason,
            standing.detail,
        )
        return Reply(200, standing.kind)

    async def _bury(self, request: TaskRequest, error: Undecodable) -> Reply:
        """An envelope that cannot be read has no identity to claim: straight to the dead letters."""
        try:
            async with asyncio.timeout(SETTLE_BUDGET.total_seconds()):
                await self.follow_up.bury_bytes(
                    request.body,
                    type_name=request.type,
                    task_name=request.task_name,
                    queue=carrier(request, self.catalog),
                    detail=error.detail,
                    died_at=self.clock(),
                )
        except (*CANNOT_RECORD, UnknownQueue) as failure:
            _log.error("task %s cannot be buried: %s", request.task_name, failure)
            return Reply(500, f"cannot bury: {failure}")
        self.telemetry.outcomes.labels(type="unknown", outcome="dead", reason="undecodable").inc()
        return Reply(200, "dead")

    def _standing(self, arrival: Arrival, row: Row) -> Standing:
        return Standing(
            position=arrival.envelope.position,
            accepted_at=arrival.envelope.accepted_at,
            now=self.clock(),
            bugs=row.bugs,
            parked_since=row.parked_since,
            luck=self.luck(),
        )


def _cannot(step: str, arrival: Arrival, error: Exception) -> Reply:
    envelope = arrival.envelope
    _log.error("cannot %s %s %s: %s", step, envelope.type, envelope.identity, error or type(error).__name__)
    return Reply(500, f"cannot {step}: {error or type(error).__name__}")
