"""The way of one request, through the real app and ledger: each end of an attempt, each bad input."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from contracts import Catalog, Envelope, Position
from handlers.delivery import End, OwnerPaused, Reason, Returned, TargetFailed, TargetRefused
from handlers.effect import Delivery
from producers import Unreachable
from stores import Key, OutcomeKind, Row, StoreUnavailable
from tests.handlers.conftest import START, Note, Service
from tests.stores.starts import start

NOTE = Note(id="n1", realtime=False)
LIVE = Note(id="n2", realtime=True)


def ending(end: End):  # type: ignore[no-untyped-def]  # the effect's own type is long and adds nothing here
    async def effect(_: Note, __: Delivery) -> End:
        return end

    return effect


async def row(service: Service, envelope: Envelope) -> Row:
    found = await service.ledger.read(Key.of(envelope))
    assert found is not None
    return found


async def test_done_is_recorded_and_not_done_again(service: Service) -> None:
    body = service.seal(NOTE).encode()
    first = await service.post(body)
    again = await service.post(body)
    assert (first.status_code, first.json()) == (200, {"outcome": "done"})
    assert (again.status_code, again.json()) == (200, {"outcome": "already done"})
    assert len(service.runs) == 1
    assert service.runs[0].id == service.seal(NOTE).delivery_id
    assert service.created() == []
    assert service.letters() == []


async def test_a_failed_attempt_is_enqueued_again_on_the_retry_queue(service: Service) -> None:
    service.effect = ending(TargetFailed("answered 500"))
    envelope = service.seal(NOTE)
    assert (await service.post(envelope.encode())).status_code == 200
    ((queue, onward, task),) = service.created()
    assert queue == "developer-webhooks-retry"
    assert onward == envelope.at(Position(attempt=2, park=0))
    assert onward.delivery_id == envelope.delivery_id
    assert task.schedule_time == START + timedelta(seconds=5)
    assert task.name.endswith(onward.task_id)


async def test_a_redelivery_after_the_outcome_redoes_the_follow_up_alone(service: Service) -> None:
    service.effect = ending(TargetFailed("answered 500"))
    body = service.seal(NOTE).encode()
    await service.post(body)
    reply = await service.post(body)
    assert reply.json() == {"outcome": "already retry"}
    assert len(service.runs) == 1
    assert len(service.created()) == 1


async def test_attempts_run_out_into_a_dead_letter_with_the_whole_task(service: Service) -> None:
    service.effect = ending(TargetFailed("answered 503"))
    envelope = service.seal(NOTE)
    onward = [envelope]
    while onward:
        current = onward.pop()
        before = len(service.created())
        await service.post(current.encode())
        service.clock.forward(seconds=60)  # by then a breaker lets a probe go
        onward += [each for _, each, _ in service.created()[before:]]
    (letter,) = service.letters()
    assert letter.owner == "u1"
    assert len(service.runs) == 8
    assert {run.id for run in service.runs} == {envelope.delivery_id}
    assert [run.attempt for run in service.runs] == list(range(1, 9))
    assert (letter.reason, letter.target, letter.queue) == ("attempts-used", "notebook", "developer-webhooks")
    assert "answered 503" in letter.detail
    assert Envelope.decode(letter.body) == envelope.at(Position(attempt=8, park=0))
    history = (await row(service, envelope)).history
    assert [ended.outcome.kind for ended in history] == [*[OutcomeKind.RETRY] * 7, OutcomeKind.DEAD]


async def test_a_refusal_is_dead_at_once_and_published_again_on_redelivery(service: Service) -> None:
    service.effect = ending(TargetRefused(Reason.GONE, "answered 410 Gone"))
    body = service.seal(NOTE).encode()
    await service.post(body)
    await service.post(body)
    letters = service.letters()
    assert [letter.reason for letter in letters] == ["gone", "gone"]
    assert letters[0] == letters[1]
    assert len(service.runs) == 1


async def test_a_bug_is_ours_and_retried_on_its_own_budget(service: Service) -> None:
    async def broken(_: Note, __: Delivery) -> End:
        raise KeyError("missing")

    service.effect = broken
    envelope = service.seal(NOTE)
    assert (await service.post(envelope.encode())).json() == {"outcome": "retry"}
    found = await row(service, envelope)
    assert found.bugs == 1
    assert found.outcome is not None
    assert found.outcome.reason == "bug"
    assert "KeyError" in found.outcome.detail


async def test_a_store_that_is_away_costs_the_task_nothing(service: Service) -> None:
    async def away(_: Note, __: Delivery) -> End:
        raise StoreUnavailable("the directory is away")

    service.effect = away
    envelope = service.seal(NOTE)
    reply = await service.post(envelope.encode())
    assert reply.status_code == 500
    found = await row(service, envelope)
    assert (found.starts, found.bugs, found.outcome) == (0, 0, None)
    service.effect = ending(Returned())
    assert (await service.post(envelope.encode())).json() == {"outcome": "done"}


async def test_an_effect_over_its_deadline_failed(service: Service) -> None:
    queue = service.pipeline.catalog.get("developer-webhooks")
    delivery = queue.delivery.model_copy(update={"deadline": timedelta(milliseconds=20)})
    quick = Catalog({queue.name: queue.model_copy(update={"delivery": delivery})}, "a test")
    pipeline = replace(service.pipeline, catalog=quick)

    async def endless(_: Note, __: Delivery) -> End:
        await asyncio.Event().wait()
        return Returned()

    service.effect = endless
    envelope = service.seal(NOTE)
    await pipeline.handle(service.request(envelope))
    outcome = (await row(service, envelope)).outcome
    assert outcome is not None
    assert (outcome.reason, outcome.detail) == ("target-failed", "not done within 0.02 s")


@pytest.mark.parametrize(
    ("note", "kind", "letters"), [(NOTE, OutcomeKind.DEAD, ["owner-paused"]), (LIVE, OutcomeKind.SKIPPED, [])]
)
async def test_a_paused_endpoint(service: Service, note: Note, kind: OutcomeKind, letters: list[str]) -> None:
    service.effect = ending(OwnerPaused())
    envelope = service.seal(note)
    assert (await service.post(envelope.encode())).json() == {"outcome": kind}
    assert [letter.reason for letter in service.letters()] == letters


@pytest.mark.parametrize(
    ("note", "kind", "letters"), [(NOTE, OutcomeKind.DEAD, ["too-old"]), (LIVE, OutcomeKind.SKIPPED, [])]
)
async def test_what_is_too_old_is_not_run(
    service: Service, note: Note, kind: OutcomeKind, letters: list[str]
) -> None:
    envelope = service.seal(note)
    service.clock.forward(days=4)
    assert (await service.post(envelope.encode())).json() == {"outcome": kind}
    assert service.runs == []
    assert [letter.reason for letter in service.letters()] == letters


async def test_an_attempt_older_than_the_row_does_nothing(service: Service) -> None:
    service.effect = ending(TargetFailed("answered 500"))
    envelope = service.seal(NOTE)
    await service.post(envelope.encode())
    await service.post(envelope.at(Position(attempt=2, park=0)).encode())
    reply = await service.post(envelope.encode())
    assert (reply.status_code, reply.json()) == (200, {"outcome": "superseded"})
    assert len(service.runs) == 2


async def test_starts_that_kill_their_process_are_poison(service: Service) -> None:
    envelope = service.seal(NOTE)
    for number in range(5):
        await service.ledger.claim(start(Key.of(envelope), token=f"t{number}"))  # and the process died
    assert (await service.post(envelope.encode())).json() == {"outcome": "dead"}
    assert service.runs == []
    assert [letter.reason for letter in service.letters()] == ["poison"]


async def test_a_cancelled_run_gives_its_start_back(service: Service) -> None:
    running = asyncio.Event()

    async def endless(_: Note, __: Delivery) -> End:
        running.set()
        await asyncio.Event().wait()
        return Returned()

    service.effect = endless
    envelope = service.seal(NOTE)
    handling = asyncio.ensure_future(service.pipeline.handle(service.request(envelope)))
    await running.wait()
    handling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handling
    found = await row(service, envelope)
    assert (found.starts, found.outcome) == (0, None)


async def test_outcomes_are_counted(service: Service) -> None:
    await service.post_note(NOTE)
    await service.post(b"junk")
    metrics = (await service.client.get("/metrics")).text
    assert 'sidelane_outcomes_total{outcome="done",reason="delivered",type="note"} 1.0' in metrics
    assert 'sidelane_outcomes_total{outcome="dead",reason="undecodable",type="unknown"} 1.0' in metrics


async def test_health_needs_no_token(service: Service) -> None:
    assert (await service.client.get("/healthz")).status_code == 200


async def test_a_refused_attempt_is_parked_and_costs_the_task_nothing(service: Service) -> None:
    service.effect = ending(TargetFailed("answered 500"))
    for number in range(5):
        await service.post_note(Note(id=f"f{number}", realtime=False))
    before = len(service.created())
    envelope = service.seal(NOTE)
    assert (await service.post(envelope.encode())).json() == {"outcome": "park"}
    ((queue, onward, task),) = service.created()[before:]
    assert (queue, onward) == ("developer-webhooks-retry", envelope.at(Position(attempt=1, park=1)))
    assert task.schedule_time == START + timedelta(seconds=30)
    found = await row(service, envelope)
    assert (found.starts, found.bugs) == (0, 0)
    assert len(service.runs) == 5
    metrics = (await service.client.get("/metrics")).text
    assert 'sidelane_parks_total{by="breaker",queue="developer-webhooks"} 1.0' in metrics
    assert 'sidelane_target_breakers{phase="open",queue="developer-webhooks"} 1.0' in metrics

    service.effect = ending(Returned())
    service.clock.forward(seconds=30)
    assert (await service.post(onward.encode())).json() == {"outcome": "done"}


async def test_parked_over_and_over_is_no_poison(service: Service) -> None:
    service.effect = ending(TargetFailed("answered 500"))
    for number in range(5):
        await service.post_note(Note(id=f"f{number}", realtime=False))
    envelope = service.seal(NOTE)
    for park in range(20):
        reply = await service.post(envelope.at(Position(attempt=1, park=park)).encode())
        assert reply.json() == {"outcome": "park"}
    found = await row(service, envelope)
    assert (found.position, found.starts) == (Position(attempt=1, park=19), 0)


@pytest.mark.parametrize(
    ("note", "kind", "letters"), [(NOTE, OutcomeKind.DEAD, ["too-old"]), (LIVE, OutcomeKind.SKIPPED, [])]
)
async def test_whose_turn_would_come_too_late_is_given_up(
    service: Service, note: Note, kind: OutcomeKind, letters: list[str]
) -> None:
    service.effect = ending(TargetFailed("answered 500"))
    for number in range(5):
        await service.post_note(Note(id=f"f{number}", realtime=note.realtime))
    policy = service.pipeline.catalog.get(note.route()).delivery
    accepted = START + timedelta(seconds=29) - policy.age_limit
    envelope = Envelope.seal(note, accepted_at=accepted)
    assert (await service.post(envelope.encode())).json() == {"outcome": kind}
    assert [letter.reason for letter in service.letters()] == letters


async def test_what_follows_from_a_side_effect_is_enqueued_once(service: Service) -> None:
    service.effect = ending(Returned(then=(Note(id="follows", realtime=True),)))
    body = service.seal(NOTE).encode()
    assert (await service.post(body)).json() == {"outcome": "done"}
    assert (await service.post(body)).json() == {"outcome": "already done"}
    assert service.producer.tasks == [Note(id="follows", realtime=True)]


async def test_a_side_effect_is_not_done_before_what_follows_is_accepted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.effect = ending(Returned(then=(LIVE,)))
    body = service.seal(NOTE).encode()

    async def away(_: object) -> bool:
        raise Unreachable("no answer from Cloud Tasks")

    with monkeypatch.context() as patch:
        patch.setattr(service.producer._created, "create", away)
        refused = await service.post(body)
    assert refused.status_code == 500
    assert (await service.post(body)).json() == {"outcome": "done"}
    assert service.producer.tasks == [LIVE]


async def test_what_no_queue_would_take_keeps_nothing_from_being_done(service: Service) -> None:
    service.effect = ending(Returned(then=(Note(id="x" * 300_000, realtime=False), LIVE)))
    assert (await service.post(service.seal(NOTE).encode())).json() == {"outcome": "done"}
    assert service.producer.tasks == [LIVE]
