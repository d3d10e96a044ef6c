"""From a pushed event to one task for each of its targets. It runs no side effect and keeps no event.

2xx means that every task is enqueued. Everything else makes Pub/Sub push the event again, and bury it when
its subscription's deliveries are used up. A target that has its task by then gets no second one, since tasks
are named after the event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from contracts import Catalog, Event, EventTopic, NewerVersion, Task, Undecodable
from contracts.events import TRACE
from handlers.errors import CallerRefused, HandlerError
from handlers.fan_out import FanOuts
from handlers.identity import Callers
from handlers.pipeline import Reply
from handlers.push import Pushed, read_push
from lanes import Sample, Telemetry
from producers import PartlyEnqueued, ProducerError, Receipt, Unreachable, in_trace
from stores import StoreError

_log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 64
"""Events that one process fans out at a time; one more is answered 429 and comes again."""
ANSWER_BUDGET = timedelta(seconds=1)
"""Part of the ack deadline that is left for the answer to arrive: a later one counts for nothing."""


class Outcome(StrEnum):
    """What became of a delivery; the values are labels of metrics."""

    FANNED_OUT = "fanned-out"
    FAILED = "failed"
    NEEDS_NEWER_CODE = "needs-newer-code"
    UNDECODABLE = "undecodable"
    FULL = "full"


_STATUS: Mapping[Outcome, int] = {
    Outcome.FANNED_OUT: 200,
    Outcome.FAILED: 500,
    Outcome.NEEDS_NEWER_CODE: 503,
    Outcome.UNDECODABLE: 400,
    Outcome.FULL: 429,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRequest:
    """What Pub/Sub sent."""

    subscription: str
    """From the URL."""
    headers: Mapping[str, str]
    """Names in lower case."""
    read: Callable[[], Awaitable[bytes]]
    """The body: it is not read of who may not call, nor of more events than are fanned out at a time."""


@dataclass(frozen=True, slots=True)
class EventsStatistics:
    in_flight: int


class Outbox(Protocol):
    """The part of a producer that fanning out uses."""

    async def enqueue_many(self, tasks: Iterable[Task]) -> tuple[Receipt, ...]: ...


class Events:
    """Takes what the catalog's subscriptions of events push."""

    def __init__(
        self,
        *,
        callers: Callers,
        catalog: Catalog,
        fan_outs: FanOuts,
        outbox: Outbox,
        telemetry: Telemetry,
        clock: Callable[[], datetime],
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        """Raises `CatalogError` where an event that can be fanned out has no topic."""
        self._topics = {catalog.topic_of(event).subscription: catalog.topic_of(event) for event in fan_outs}
        self._types = {event.name: event for event in fan_outs}
        self._callers = callers
        self._catalog = catalog
        self._fan_outs = fan_outs
        self._outbox = outbox
        self._telemetry = telemetry
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        telemetry.read(self._samples)

    def statistics(self) -> EventsStatistics:
        return EventsStatistics(self._in_flight)

    async def handle(self, request: EventRequest) -> Reply:
        """Enqueue what follows from the event; raises what reading the body raises, and nothing else."""
        try:
            await self._callers.check(request.headers.get("authorization"))
        except CallerRefused as error:
            self._telemetry.refused_callers.labels(status=error.status, reason=error.reason).inc()
            return Reply(error.status, str(error))
        except HandlerError as error:
            return Reply(500, str(error))
        topic = self._topics.get(request.subscription)
        if topic is None:
            _log.error("subscription %r is not known here; deploy newer handlers", request.subscription)
            self._count("unknown", Outcome.NEEDS_NEWER_CODE)
            return Reply(503, "this code knows no such subscription")
        if self._in_flight >= self._max_in_flight:
            self._count(topic.name, Outcome.FULL)
            return Reply(_STATUS[Outcome.FULL], f"{self._in_flight} events are being fanned out")
        self._in_flight += 1
        try:
            outcome, word = await self._take(topic, request)
        finally:
            self._in_flight -= 1
        self._count(topic.name, outcome)
        return Reply(_STATUS[outcome], word)

    async def _take(self, topic: EventTopic, request: EventRequest) -> tuple[Outcome, str]:
        body = await request.read()
        try:
            pushed = read_push(request.headers, body)
            event = self._types[topic.name].from_message(pushed.data, pushed.attributes)
        except NewerVersion as error:
            _log.error("an event of %s has to wait: %s", topic.name, error)
            return Outcome.NEEDS_NEWER_CODE, str(error)
        except Undecodable as error:
            _log.error("what came on %s is no event of it: %s", topic.name, error)
            return Outcome.UNDECODABLE, error.detail
        deadline = (topic.ack_deadline - ANSWER_BUDGET).total_seconds()
        try:
            async with asyncio.timeout(deadline):
                with in_trace(pushed.attributes.get(TRACE)):
                    count = await self._fan_out(event, pushed)
        except (StoreError, ProducerError, TimeoutError) as error:
            detail = str(error) or f"not done within {deadline:g} s"
            _log.error("cannot fan out %s %s: %s", event.name, event.identity(), detail)
            return Outcome.FAILED, f"cannot fan out: {detail}"
        except Exception as error:
            _log.exception("fanning out %s %s met a bug", event.name, event.identity())
            return Outcome.FAILED, f"cannot fan out: {type(error).__name__}"
        _log.info("%s %s: %d tasks", event.name, event.identity(), count)
        return Outcome.FANNED_OUT, f"{count} tasks"

    async def _fan_out(self, event: Event, pushed: Pushed) -> int:
        """The number of its tasks. One that cannot be enqueued holds up no other.

        Raises:
            ProducerError: some were not enqueued.
            StoreError: it is not known which there are.
        """
        count = 0
        failed: ProducerError | None = None
        async for tasks in self._fan_outs[type(event)](event):
            wanted = [task for task in tasks if self._is_of_use(task, pushed.published_at)]
            self._tell(event, "too-old", len(tasks) - len(wanted))
            count += len(wanted)
            try:
                receipts = await self._outbox.enqueue_many(wanted)
            except PartlyEnqueued as error:
                receipts = tuple(error.receipts.values())
                failed = error
                self._tell(event, "failed", len(error.failures))
                if any(isinstance(each, Unreachable) for each in error.failures.values()):
                    break  # the rest would wait for the same service
            duplicates = sum(receipt.duplicate for receipt in receipts)
            self._tell(event, "duplicate", duplicates)
            self._tell(event, "enqueued", len(receipts) - duplicates)
        if failed:
            raise failed
        return count

    def _is_of_use(self, task: Task, published_at: datetime | None) -> bool:
        """A realtime item ages from when it was told, not from when its event could be fanned out."""
        policy = self._catalog.get(task.route()).delivery
        return not policy.realtime or published_at is None or self._clock() - published_at <= policy.age_limit

    def _count(self, topic: str, outcome: Outcome) -> None:
        self._telemetry.events.labels(topic=topic, outcome=outcome).inc()

    def _tell(self, event: Event, outcome: str, count: int) -> None:
        if count:
            self._telemetry.event_tasks.labels(topic=event.name, outcome=outcome).inc(count)

    def _samples(self) -> Iterator[Sample]:
        yield Sample("sidelane_events_in_flight", (), self._in_flight)
