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
from dataclasses import dataclass, field
from datetime import datetime

from contracts import (
    CLAIM_BUDGET,
    SETTLE_BUDGET,
    Catalog,
    CatalogError,
    TaskRegistry,
    Undecodable,
)
from handlers.account import Accounts
from handlers.arrival import Arrival, TaskRequest, arrive, carrier, forestalled
from handlers.delivery import End, HeldElsewhere, Poisonous, Reason, Returned, Standing, decide
from handlers.effect import Delivery, Effects
from handlers.endpoint_health import EndpointHealth
from handlers.errors import CallerRefused, HandlerError, UnknownQueue
from handlers.follow_up import FollowUp
from handlers.identity import Callers
from handlers.reply import Reply as Reply
from handlers.running import run
from handlers.start_tokens import start_tokens
from handlers.targets import Call, Targets
from lanes import Telemetry
from producers import ProducerError
from stores import (
    FOLLOWED,
    Blobs,
    Leased,
    Ledger,
    Outcome,
    OutcomeKind,
    Recorded,
    Row,
    Settled,
    Start,
    Started,
    StoreError,
    Superseded,
)

_log = logging.getLogger(__name__)

CANNOT_RECORD = (StoreError, ProducerError, TimeoutError)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    callers: Callers
    catalog: Catalog
    registry: TaskRegistry
    ledger: Ledger
    blobs: Blobs
    effects: Effects
    targets: Targets
    follow_up: FollowUp
    telemetry: Telemetry
    clock: Callable[[], datetime]
    luck: Callable[[], float]
    """Uniform in [0, 1)."""
    accounts: Accounts = field(default_factory=Accounts)
    health: EndpointHealth | None = None
    """None: no endpoint is ever disabled."""
    token: Callable[[], str] = field(default_factory=start_tokens)
    """Names a start; no two are equal."""

    async def handle(self, request: TaskRequest) -> Reply:
        """Do everything that the request asks for; never raises but for cancellation."""
        claimed_by = asyncio.get_running_loop().time() + CLAIM_BUDGET.total_seconds()
        try:
            await self.callers.check(request.authorization)
            arrival = await arrive(
                request,
                catalog=self.catalog,
                registry=self.registry,
                blobs=self.blobs,
                read_by=claimed_by,
            )
        except CallerRefused as error:
            self.telemetry.refused_callers.labels(status=error.status, reason=error.reason).inc()
            return Reply(error.status, str(error))
        except Undecodable as error:
            return await self._bury(request, error)
        except (HandlerError, CatalogError, StoreError, TimeoutError) as error:
            _log.error("task %s cannot be handled: %s", request.task_name, error)
            return Reply(500, str(error))
        self._observe(arrival, request.due)
        with self.accounts.of(arrival) as told:
            return told(await self._attempt(arrival, claimed_by))

    async def _attempt(self, arrival: Arrival, claimed_by: float) -> Reply:
        start = arrival.start(at=self.clock(), token=self.token())
        if isinstance(arrival.verdict, Poisonous):
            return await self._settle(arrival, start, None, claimed_by)
        try:
            async with asyncio.timeout_at(claimed_by):
                claim = await self.ledger.claim(start)
        except CANNOT_RECORD as error:
            if isinstance(error, TimeoutError):  # the claim may stand all the same
                await self._give_back(start)
            return _cannot("claim", arrival, error)
        match claim:
            case Started(row):
                return await self._settle(arrival, start, row, claimed_by)
            case Settled(outcome):
                return await self._follow(arrival, outcome, f"already {outcome.kind}", _settled_by())
            case Leased(until):  # what becomes of this position is for its holder to record
                outcome = decide(HeldElsewhere(until), self._standing(arrival), arrival.queue.delivery)
                self._count(arrival, outcome)
                return await self._follow(arrival, outcome, "leased", _settled_by())
            case Superseded():
                return Reply(200, "superseded")

    async def _settle(self, arrival: Arrival, start: Start, row: Row | None, claimed_by: float) -> Reply:
        """Run what was claimed, record what came of it, and follow that up.

        A start that is broken off in good order is given back.
        """
        try:
            end = forestalled(
                arrival,
                lost=row.starts - 1 if row else 0,
                standing=self._standing(arrival, row),
                quarantine=self.catalog.quarantine,
            )
            settled_by = _settled_by()
            if end is None:
                end, settled_by = await self._bound(arrival, row, claimed_by)
            if isinstance(end, Returned) and end.then:
                async with asyncio.timeout_at(settled_by):
                    await self.follow_up.derive(end.then)
            outcome = decide(end, self._standing(arrival, row), arrival.queue.delivery)
            recorded = await self._record(arrival, start, outcome, settled_by)
        except (asyncio.CancelledError, *CANNOT_RECORD) as error:
            await self._give_back(start)
            if isinstance(error, asyncio.CancelledError):
                raise
            return _cannot("run or record", arrival, error)
        match recorded:
            case Settled(standing):
                return await self._follow(arrival, standing, standing.kind, settled_by)
            case Superseded():
                return Reply(200, "superseded")
            case Leased(until):
                return Reply(500, f"its lease went to another start until {until.isoformat()}")
            case None:
                return Reply(200, "done, not recorded")

    async def _bound(self, arrival: Arrival, row: Row | None, claimed_by: float) -> tuple[End, float]:
        """Run the effect if its target takes one more now: its end, and by when that must be settled.

        What comes before the effect is part of the time to claim, what comes after it of the time to settle.
        Raises `StoreError` as `run`, and `TimeoutError` where the effect did not begin in time.
        """
        settled_by: float | None = None

        async def effect() -> End:
            nonlocal settled_by
            beginning.reschedule(None)
            end = await self._run(arrival)
            settled_by = _settled_by()
            return end

        last = (row.history if row else ())[-1:]
        call = Call(
            target=arrival.target,
            has_slot=any(each.outcome.reason == Reason.BUSY for each in last),
            is_first=arrival.is_first,
            useful_until=arrival.envelope.accepted_at + arrival.queue.delivery.age_limit,
        )
        async with asyncio.timeout_at(claimed_by) as beginning:
            end = await self.targets.of(arrival.queue).run(call, effect)
        if self.health is not None and arrival.task is not None:
            await self.health.judge(arrival.task, arrival.queue, end)
        return end, settled_by or _settled_by()

    async def _run(self, arrival: Arrival) -> End:
        task, envelope = arrival.task, arrival.envelope
        if task is None:
            raise AssertionError("a task without payload has a verdict and is not run")
        deadline = arrival.queue.delivery.deadline.total_seconds()
        delivery = Delivery(id=envelope.delivery_id, attempt=envelope.attempt, deadline=deadline)
        began = time.perf_counter()
        try:
            return await run(self.effects, task, delivery)
        finally:
            self.telemetry.attempt_seconds.labels(task.name).observe(time.perf_counter() - began)

    async def _record(
        self, arrival: Arrival, start: Start, outcome: Outcome, settled_by: float
    ) -> Recorded | None:
        """Record what an attempt came to; None where it is done and the ledger would not take that.

        Raises `StoreError` and `TimeoutError` where it would not take anything else.
        """
        body = arrival.envelope.encode() if outcome.kind in FOLLOWED else b""
        try:
            async with asyncio.timeout_at(settled_by):
                recorded = await self.ledger.record(start, outcome, body)
        except (StoreError, TimeoutError) as error:
            if outcome.kind is not OutcomeKind.DONE:
                raise
            # Calling again would repeat for certain what a crash repeats only perhaps.
            envelope = arrival.envelope
            _log.warning("done but not recorded: %s %s: %s", envelope.type, envelope.identity, error)
            return None
        if recorded == Settled(outcome):
            self._count(arrival, outcome)
        return recorded

    async def _give_back(self, start: Start) -> None:
        """The start ended in good order: it must not count as one that killed its process."""
        try:
            async with asyncio.timeout(CLAIM_BUDGET.total_seconds()):
                await asyncio.shield(self.ledger.release(start))
        except (StoreError, TimeoutError) as error:
            _log.warning("start of %s %s stays counted: %s", start.key.type, start.key.identity, error)

    async def _follow(self, arrival: Arrival, outcome: Outcome, word: str, settled_by: float) -> Reply:
        if outcome.kind not in FOLLOWED:
            return Reply(200, word, outcome)
        try:
            async with asyncio.timeout_at(settled_by):
                await self.follow_up(
                    arrival.envelope,
                    outcome,
                    queue=arrival.queue,
                    target=arrival.target,
                    owner=arrival.owner,
                )
        except CANNOT_RECORD as error:
            return _cannot("follow up", arrival, error)
        return Reply(200, word, outcome)

    def _count(self, arrival: Arrival, outcome: Outcome) -> None:
        type_name = arrival.envelope.type if arrival.task else "unknown"
        self.telemetry.outcomes.labels(type_name, outcome.kind, outcome.reason).inc()

    def _observe(self, arrival: Arrival, due: datetime | None) -> None:
        """How far behind its queue is."""
        now, queue = self.clock(), arrival.queue.name
        age = (now - arrival.envelope.accepted_at).total_seconds()
        self.telemetry.task_age_seconds.labels(queue).observe(max(age, 0.0))
        if due is not None:
            late = (now - due).total_seconds()
            self.telemetry.dispatch_delay_seconds.labels(queue).observe(max(late, 0.0))

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
        _log.warning("task %s went to the dead letters: %s", request.task_name, error.detail)
        self.telemetry.outcomes.labels(type="unknown", outcome="dead", reason="undecodable").inc()
        return Reply(200, "dead")

    def _standing(self, arrival: Arrival, row: Row | None = None) -> Standing:
        return Standing(
            position=arrival.envelope.position,
            accepted_at=arrival.envelope.accepted_at,
            now=self.clock(),
            bugs=row.bugs if row else 0,
            parked_since=row.parked_since if row else None,
            luck=self.luck(),
            quarantine=arrival.quarantine,
        )


def _settled_by() -> float:
    """Until when record and follow-up must have ended, in the event loop's time."""
    return asyncio.get_running_loop().time() + SETTLE_BUDGET.total_seconds()


def _cannot(step: str, arrival: Arrival, error: Exception) -> Reply:
    envelope = arrival.envelope
    _log.error("cannot %s %s %s: %s", step, envelope.type, envelope.identity, error or type(error).__name__)
    return Reply(500, f"cannot {step}: {error or type(error).__name__}")
