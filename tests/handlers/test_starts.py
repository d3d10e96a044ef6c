"""A start counts against its task where its process died, and nowhere else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from contracts import Envelope
from handlers import pipeline
from handlers.delivery import End, Returned, TargetFailed
from handlers.effect import Delivery
from producers import Unreachable
from stores import Claim, Key, Ledger, Outcome, Recorded, Row, Start, StoreUnavailable
from tests.handlers.conftest import Note, Service
from tests.stores.forwarding import ForwardingLedger

NOTE = Note(id="n1", realtime=False)
FOLLOWS = Note(id="follows", realtime=True)
QUICK = timedelta(milliseconds=20)


class Slow(ForwardingLedger):
    """Does what it is told and never answers a claim."""

    async def claim(self, start: Start) -> Claim:
        await super().claim(start)
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


class WontRecord(ForwardingLedger):
    def __init__(self, inner: Ledger) -> None:
        super().__init__(inner)
        self.away = True

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        if self.away:
            raise StoreUnavailable("the ledger is away")
        return await super().record(start, outcome, body)


async def row(service: Service, envelope: Envelope) -> Row:
    found = await service.ledger.read(Key.of(envelope))
    assert found is not None
    return found


async def test_not_where_the_ledger_claimed_and_was_too_slow_to_say_so(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CLAIM_BUDGET", QUICK)
    slow = replace(service.pipeline, ledger=Slow(service.ledger))
    envelope = service.seal(NOTE)
    for _ in range(6):
        assert (await slow.handle(service.request(envelope))).status == 500
    assert (await row(service, envelope)).starts == 0
    assert (await service.post(envelope.encode())).json() == {"outcome": "done"}


async def test_not_where_the_outcome_could_not_be_recorded(service: Service) -> None:
    service.effect = failing
    ledger = WontRecord(service.ledger)
    away = replace(service.pipeline, ledger=ledger)
    envelope = service.seal(NOTE)
    for _ in range(4):  # a breaker opens at five
        assert (await away.handle(service.request(envelope))).status == 500
    assert (await row(service, envelope)).starts == 0
    ledger.away = False
    assert (await away.handle(service.request(envelope))).word == "retry"
    assert len(service.created()) == 1


async def test_what_is_done_is_not_repeated_for_a_ledger_that_does_not_take_it(service: Service) -> None:
    away = replace(service.pipeline, ledger=WontRecord(service.ledger))
    reply = await away.handle(service.request(service.seal(NOTE)))
    assert (reply.status, reply.word) == (200, "done, not recorded")


@pytest.mark.parametrize("hangs", [False, True])
async def test_not_where_what_follows_from_it_was_not_accepted(
    service: Service, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    async def away(_: object) -> bool:
        if hangs:
            await asyncio.Event().wait()
        raise Unreachable("no answer from Cloud Tasks")

    async def with_more(_: Note, __: Delivery) -> End:
        return Returned(then=(FOLLOWS,))

    service.effect = with_more
    envelope = service.seal(NOTE)
    with monkeypatch.context() as patch:
        patch.setattr(service.producer._created, "create", away)
        patch.setattr(pipeline, "SETTLE_BUDGET", QUICK)
        for _ in range(6):
            assert (await service.pipeline.handle(service.request(envelope))).status == 500
    assert (await row(service, envelope)).starts == 0
    assert (await service.post(envelope.encode())).json() == {"outcome": "done"}
    assert service.producer.tasks == [FOLLOWS]


async def failing(_: Note, __: Delivery) -> End:
    return TargetFailed("answered 500")
