"""Follow-ups that were lost are done again; those that are only late, and all others, are left alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from contracts import Envelope, Position
from handlers.delivery import End, Reason, Returned, TargetFailed, TargetRefused
from handlers.effect import Delivery
from handlers.follow_up import FollowUp
from handlers.reconciler import GRACE, PAGE, Reconciled, Reconciler
from lanes import Telemetry
from producers import Unreachable
from stores import Key, Outcome, OutcomeKind
from tests.handlers.conftest import Note, Service
from tests.stores.starts import start

NOTE = Note(id="n1", realtime=False)
SECOND = Position(attempt=2, park=0)


@dataclass
class Pauses:
    """The reconciler's sleep: notes how long, and does not."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def reconciler(
    service: Service, *, pauses: Pauses | None = None, telemetry: Telemetry | None = None, limit: int = 1000
) -> Reconciler:
    return Reconciler(
        service.ledger,
        FollowUp(service.producer, service.ledger),
        service.pipeline.catalog,
        telemetry=telemetry or Telemetry(),
        clock=service.clock,
        sleep=pauses or Pauses(),
        limit=limit,
    )


async def lost(
    service: Service, note: Note, outcome: Outcome, *, queue: str = "developer-webhooks"
) -> Envelope:
    """Its outcome is recorded, its process is dead, and its queue has nothing more of it."""
    envelope = service.seal(note)
    began = replace(start(Key.of(envelope), at=service.clock.now, owner="u7"), queue=queue)
    await service.ledger.claim(began)
    await service.ledger.record(began, outcome, envelope.encode())
    return envelope


def retry(service: Service, wait: timedelta = timedelta(0)) -> Outcome:
    now = service.clock.now
    return Outcome(
        kind=OutcomeKind.RETRY,
        reason=Reason.TARGET_FAILED,
        decided_at=now,
        due=now + wait,
        next=SECOND,
    )


def dead(service: Service) -> Outcome:
    return Outcome(kind=OutcomeKind.DEAD, reason=Reason.GONE, decided_at=service.clock.now)


async def test_a_lost_retry_is_enqueued_when_it_is_overdue(service: Service) -> None:
    envelope = await lost(service, NOTE, retry(service, timedelta(minutes=30)))
    service.clock.forward(minutes=30)
    service.clock.now += GRACE
    assert await reconciler(service).run() == Reconciled()
    service.clock.forward(seconds=1)
    assert await reconciler(service).run() == Reconciled(redone=1, oldest=GRACE + timedelta(seconds=1))
    ((queue, onward, _),) = service.created()
    assert (queue, onward) == ("developer-webhooks-retry", envelope.at(SECOND))
    assert (await service.post(onward.encode())).json() == {"outcome": "done"}
    service.clock.forward(hours=1)
    assert await reconciler(service).run() == Reconciled()


async def test_what_is_only_late_is_left_as_it_is(service: Service) -> None:
    service.effect = failing
    await service.post_note(NOTE)
    service.clock.forward(hours=1)
    report = await reconciler(service).run()
    assert (report.redone, report.there) == (0, 1)
    assert len(service.created()) == 1


async def test_a_suspects_way_into_quarantine_is_found_again(service: Service) -> None:
    park = retry(service).model_copy(
        update={"kind": OutcomeKind.PARK, "next": Position(attempt=1, park=1), "queue": "quarantine"}
    )
    await lost(service, NOTE, park)
    service.clock.forward(hours=1)
    await reconciler(service).run()
    assert [queue for queue, _, _ in service.created()] == ["quarantine"]


async def test_a_lost_dead_letter_is_published_once_more_and_then_confirmed(service: Service) -> None:
    envelope = await lost(service, NOTE, dead(service))
    service.clock.forward(hours=1)
    assert (await reconciler(service).run()).redone == 1
    (letter,) = service.letters()
    assert (letter.reason, letter.queue, letter.target) == (
        "gone",
        "developer-webhooks",
        "https://example.com",
    )
    assert (letter.owner, letter.body) == ("u7", envelope.encode())
    assert await reconciler(service).run() == Reconciled()
    assert len(service.letters()) == 1


async def test_what_was_followed_up_is_not_looked_at(service: Service) -> None:
    service.effect = refused
    await service.post_note(NOTE)
    service.effect = done
    await service.post_note(Note(id="n2", realtime=False))
    await service.ledger.claim(start(Key("note", "running", 0), at=service.clock.now))
    service.clock.forward(hours=1)
    assert await reconciler(service).run() == Reconciled()


async def test_many_are_done_again_at_a_bounded_rate_and_the_rest_by_the_next_run(service: Service) -> None:
    for number in range(PAGE + 10):
        await lost(service, Note(id=f"n{number}", realtime=False), dead(service))
    service.clock.forward(hours=1)
    pauses = Pauses()
    report = await reconciler(service, pauses=pauses, limit=PAGE + 5).run()
    assert (report.redone, report.complete) == (PAGE + 5, False)
    assert sum(pauses.seconds) == pytest.approx((PAGE + 5) / 50)
    report = await reconciler(service).run()
    assert (report.redone, report.complete) == (5, True)
    assert len({letter.id for letter in service.letters()}) == PAGE + 10


async def test_a_row_that_cannot_go_on_keeps_nobody_from_it(service: Service) -> None:
    telemetry = Telemetry()
    await lost(service, NOTE, dead(service), queue="taken-from-the-catalog")
    await lost(service, Note(id="n2", realtime=False), dead(service))
    service.clock.forward(hours=1)
    report = await reconciler(service, telemetry=telemetry).run()
    assert (report.redone, report.failed) == (1, 1)
    metrics = telemetry.exposition().decode()
    assert 'sidelane_reconciled_total{found="failed",outcome="dead"} 1.0' in metrics
    assert 'sidelane_reconciled_total{found="redone",outcome="dead"} 1.0' in metrics
    assert "sidelane_overdue_oldest_seconds 3600.0" in metrics


async def test_a_service_that_is_away_is_not_asked_for_each(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    async def away(*_: object, **__: object) -> str:
        nonlocal calls
        calls += 1
        raise Unreachable("no answer from Pub/Sub")

    for number in range(3):
        await lost(service, Note(id=f"n{number}", realtime=False), dead(service))
    service.clock.forward(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr(service.producer, "publish", away)
        report = await reconciler(service).run()
    assert (report.failed, report.complete, calls) == (1, False, 1)
    assert (await reconciler(service).run()).redone == 3


async def test_expired_rows_are_forgotten(service: Service) -> None:
    await service.post_note(NOTE)
    policy = service.pipeline.catalog.get("developer-webhooks").delivery
    service.clock.now += policy.age_limit + policy.ledger_retention
    assert (await reconciler(service).run()).swept == 1
    assert await service.ledger.read(Key.of(service.seal(NOTE))) is None


async def test_how_far_a_queue_is_behind_is_measured(service: Service) -> None:
    envelope = service.seal(NOTE)
    service.clock.forward(seconds=90)
    due = service.clock.now - timedelta(seconds=30)
    await service.post(envelope.encode(), due=f"{due.timestamp():.6f}")
    await service.post_note(Note(id="n2", realtime=True))
    metrics = (await service.client.get("/metrics")).text
    queue = 'queue="developer-webhooks"'
    assert f"sidelane_task_age_seconds_sum{{{queue}}} 90.0" in metrics
    assert f"sidelane_dispatch_delay_seconds_sum{{{queue}}} 30.0" in metrics
    assert 'sidelane_task_age_seconds_sum{queue="developer-webhooks-realtime"} 0.0' in metrics
    assert 'sidelane_dispatch_delay_seconds_sum{queue="developer-webhooks-realtime"}' not in metrics


@pytest.mark.parametrize("due", ["", "soon", "nan", "inf", "1e300"])
async def test_a_moment_that_cannot_be_read_is_not_measured(service: Service, due: str) -> None:
    assert (await service.post(service.seal(NOTE).encode(), due=due)).json() == {"outcome": "done"}
    assert "sidelane_dispatch_delay_seconds_sum{" not in (await service.client.get("/metrics")).text


async def failing(_: Note, __: Delivery) -> End:
    return TargetFailed("answered 500")


async def refused(_: Note, __: Delivery) -> End:
    return TargetRefused(Reason.GONE, "answered 410 Gone")


async def done(_: Note, __: Delivery) -> End:
    return Returned()
