"""Fanning out when something is in the way: it holds up nobody else, and the event comes again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from contracts import AppWebhook, Catalog, Task, TranscriptFlushed
from handlers.events import EventRequest, Events
from handlers.fan_out import FanOuts
from handlers.identity import Callers
from lanes import Telemetry
from producers import PartlyEnqueued, ProducerError, Receipt, TaskTooLarge, Unreachable
from stores import StoreUnavailable
from tests.contracts.events import flushed
from tests.handlers.conftest import Service
from tests.handlers.event_pushes import FLUSHES, pushed
from tests.handlers.tokens import EVENT_AUDIENCE, EVENT_PUSHER


class Fanning:
    """The events of a service whose outbox and fan-out a test scripts."""

    def __init__(
        self, service: Service, catalog: Catalog, pages: Iterable[tuple[Task, ...] | Exception]
    ) -> None:
        self.telemetry = Telemetry()
        self.enqueued: list[Task] = []
        self.failures: dict[str, ProducerError] = {}
        self.holding: asyncio.Event | None = None
        self.started = asyncio.Event()
        self._pages = list(pages)
        self._token = service.issuer.token(aud=EVENT_AUDIENCE, email=EVENT_PUSHER)
        self._catalog = catalog
        self._service = service

    def events(self, max_in_flight: int = 8) -> Events:
        async def pages(_: TranscriptFlushed) -> AsyncIterator[tuple[Task, ...]]:
            for page in self._pages:
                if isinstance(page, Exception):
                    raise page
                yield page

        fan_outs: FanOuts = {TranscriptFlushed: pages}
        return Events(
            callers=_Anyone(),
            catalog=self._catalog,
            fan_outs=fan_outs,
            outbox=self,
            telemetry=self.telemetry,
            clock=self._service.clock,
            max_in_flight=max_in_flight,
        )

    async def enqueue_many(self, tasks: Iterable[Task]) -> tuple[Receipt, ...]:
        self.started.set()
        if self.holding:
            await self.holding.wait()
        taken = list(tasks)
        failures = {
            place: self.failures[task.app_id]
            for place, task in enumerate(taken)
            if isinstance(task, AppWebhook) and task.app_id in self.failures
        }
        self.enqueued += [task for place, task in enumerate(taken) if place not in failures]
        if failures:
            raise PartlyEnqueued({}, failures)
        return ()


class _Anyone(Callers):
    def __init__(self) -> None: ...

    async def check(self, authorization: str | None) -> str:
        return EVENT_PUSHER


def request() -> EventRequest:
    body = httpx.Request("POST", "http://x", json=pushed(flushed())).content

    async def read() -> bytes:
        return body

    return EventRequest(subscription=FLUSHES, headers={"content-type": "application/json"}, read=read)


def task(app_id: str) -> AppWebhook:
    return AppWebhook(app_id=app_id, uid="ada", event=flushed().as_webhook())


async def test_an_app_whose_task_cannot_be_enqueued_holds_up_no_other(
    service: Service, catalog: Catalog
) -> None:
    """The event comes again for its sake, and is a dead letter in the end."""
    fanning = Fanning(service, catalog, [(task("a"), task("poison"), task("b")), (task("c"),)])
    fanning.failures["poison"] = TaskTooLarge("app-webhook", "app-webhooks", 2, 1)
    reply = await fanning.events().handle(request())
    assert reply.status == 500
    assert fanning.enqueued == [task("a"), task("b"), task("c")]
    assert b'sidelane_events_total{outcome="failed",topic="transcript-flushed"} 1.0' in (
        fanning.telemetry.exposition()
    )


async def test_while_cloud_tasks_is_away_the_event_waits_in_its_subscription(
    service: Service, catalog: Catalog
) -> None:
    fanning = Fanning(service, catalog, [(task("a"),), (task("b"),)])
    fanning.failures["a"] = Unreachable("away")
    assert (await fanning.events().handle(request())).status == 500
    assert fanning.enqueued == [], "the rest is not tried"


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("a bug")])
async def test_what_cannot_be_looked_up_comes_again(
    service: Service, catalog: Catalog, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    fanning = Fanning(service, catalog, [(task("a"),), error])
    assert (await fanning.events().handle(request())).status == 500
    assert fanning.enqueued == [task("a")]


async def unread() -> bytes:
    raise AssertionError("the body is not read")


async def test_more_events_than_fit_come_again(service: Service, catalog: Catalog) -> None:
    fanning = Fanning(service, catalog, [(task("a"),)])
    fanning.holding = asyncio.Event()
    events = fanning.events(max_in_flight=1)
    first = asyncio.create_task(events.handle(request()))
    await fanning.started.wait()
    assert events.statistics().in_flight == 1
    assert (await events.handle(replace(request(), read=unread))).status == 429
    fanning.holding.set()
    assert (await first).status == 200
    assert events.statistics().in_flight == 0
    assert (await events.handle(request())).status == 200


async def test_a_fan_out_ends_before_pub_sub_stops_waiting(service: Service, catalog: Catalog) -> None:
    topic = catalog.topic_of(TranscriptFlushed)
    short = topic.model_copy(update={"ack_deadline": timedelta(seconds=1.01)})
    fanning = Fanning(
        service, Catalog({each.name: each for each in catalog}, "a test", [short]), [(task("a"),)]
    )
    fanning.holding = asyncio.Event()
    reply = await fanning.events().handle(request())
    assert (reply.status, fanning.enqueued) == (500, [])
    assert "not done within 0.01 s" in reply.word
