"""Tasks that nobody else may run meanwhile: who finds one held comes again, and it is never forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from contracts import Catalog, Envelope, Position
from handlers.delivery import End, Returned, TargetFailed
from handlers.effect import Delivery
from handlers.pipeline import Pipeline
from stores import Key, OutcomeKind, Row
from tests.handlers.conftest import START, Note, Service
from tests.stores.starts import start

NOTE = Note(id="n1", realtime=False)
LEASE = timedelta(seconds=5 + 30 + 10)
"""Claim, the queue's deadline, settle."""


@pytest.fixture
def exclusive(service: Service) -> Pipeline:
    queue = service.pipeline.catalog.get("developer-webhooks")
    delivery = queue.delivery.model_copy(update={"exclusive": True})
    catalog = Catalog({queue.name: queue.model_copy(update={"delivery": delivery})}, "a test")
    return replace(service.pipeline, catalog=catalog)


async def row(service: Service, envelope: Envelope) -> Row:
    found = await service.ledger.read(Key.of(envelope))
    assert found is not None
    return found


async def test_who_finds_a_task_held_comes_again_when_the_lease_ends(
    service: Service, exclusive: Pipeline
) -> None:
    running, finish = asyncio.Event(), asyncio.Event()

    async def slow(_: Note, __: Delivery) -> End:
        running.set()
        await finish.wait()
        return Returned()

    service.effect = slow
    envelope = service.seal(NOTE)
    first = asyncio.ensure_future(exclusive.handle(service.request(envelope)))
    await running.wait()
    second = await exclusive.handle(service.request(envelope))
    assert (second.status, second.word) == (200, "leased")
    ((queue, again, task),) = service.created()
    assert (queue, again) == ("developer-webhooks-retry", envelope.at(Position(attempt=1, park=1)))
    assert task.schedule_time == START + LEASE

    finish.set()
    assert (await first).word == "done"
    assert len(service.runs) == 1
    service.clock.forward(seconds=LEASE.total_seconds())
    assert (await exclusive.handle(service.request(again))).word == "superseded"
    assert len(service.runs) == 1


async def test_a_holder_that_died_is_followed_when_its_lease_ends(
    service: Service, exclusive: Pipeline
) -> None:
    envelope = service.seal(NOTE)
    await service.ledger.claim(start(Key.of(envelope), at=START, lease=LEASE))  # and the process died
    await exclusive.handle(service.request(envelope))
    ((_, again, _),) = service.created()
    service.clock.forward(seconds=LEASE.total_seconds() - 1)
    assert (await exclusive.handle(service.request(again))).word == "leased"
    again = service.created()[-1][1]
    assert again.position == Position(attempt=1, park=2)
    service.clock.forward(seconds=1)
    assert (await exclusive.handle(service.request(again))).word == "done"
    assert len(service.runs) == 1


async def test_who_waited_for_a_lease_sees_that_the_task_goes_on(
    service: Service, exclusive: Pipeline
) -> None:
    service.effect = failing
    envelope = service.seal(NOTE)
    key = Key.of(envelope)
    await service.ledger.claim(start(key, at=START, token="other", lease=LEASE))
    await exclusive.handle(service.request(envelope))
    ((_, again, _),) = service.created()
    await service.ledger.release(start(key, token="other"))
    assert (await exclusive.handle(service.request(envelope))).word == "retry"
    reply = await exclusive.handle(service.request(again))
    assert (reply.status, reply.word) == (200, "already retry")
    assert len(service.runs) == 1
    assert {each.position for _, each, _ in service.created()} == {
        Position(attempt=1, park=1),
        Position(attempt=2, park=0),
    }


async def test_a_run_that_lost_its_lease_does_not_decide(service: Service, exclusive: Pipeline) -> None:
    envelope = service.seal(NOTE)

    async def overtaken(_: Note, __: Delivery) -> End:
        service.clock.forward(seconds=LEASE.total_seconds())
        await service.ledger.claim(start(Key.of(envelope), at=service.clock.now, token="other", lease=LEASE))
        return TargetFailed("answered 500")

    service.effect = overtaken
    assert (await exclusive.handle(service.request(envelope))).status == 500
    found = await row(service, envelope)
    assert (found.outcome, found.running) == (None, ("other",))
    assert service.created() == []


async def test_an_outcome_ends_the_lease(service: Service, exclusive: Pipeline) -> None:
    service.effect = failing
    envelope = service.seal(NOTE)
    await exclusive.handle(service.request(envelope))
    found = await row(service, envelope)
    assert found.lease is None
    assert [ended.outcome.kind for ended in found.history] == [OutcomeKind.RETRY]


async def failing(_: Note, __: Delivery) -> End:
    return TargetFailed("answered 500")
