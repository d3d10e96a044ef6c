"""What kills its process runs alone, and is given up in the end; what was only beside it is not."""

from __future__ import annotations

import pytest

from contracts import Envelope, Position
from handlers.delivery import End, Reason, TargetFailed
from handlers.effect import Delivery
from stores import Key, Row, Superseded
from tests.handlers.conftest import Note, Service
from tests.stores.starts import start

NOTE = Note(id="n1", realtime=False)
QUARANTINE = "quarantine"


async def died(service: Service, envelope: Envelope, times: int, prefix: str = "dead") -> None:
    """Its process died while it ran, so often."""
    for number in range(times):
        began = start(Key.of(envelope), envelope.position, token=f"{prefix}-{number}")
        assert await service.ledger.claim(began) != Superseded()


async def row(service: Service, envelope: Envelope) -> Row:
    found = await service.ledger.read(Key.of(envelope))
    assert found is not None
    return found


async def test_one_death_of_its_process_is_bad_luck(service: Service) -> None:
    envelope = service.seal(NOTE)
    await died(service, envelope, 1)
    assert (await service.post(envelope.encode())).json() == {"outcome": "done"}


async def test_a_suspect_goes_into_quarantine_and_runs_there(service: Service) -> None:
    envelope = service.seal(NOTE)
    await died(service, envelope, 2)
    assert (await service.post(envelope.encode())).json() == {"outcome": "park"}
    assert service.runs == []
    ((queue, suspect, task),) = service.created()
    assert (queue, suspect) == (QUARANTINE, envelope.at(Position(attempt=1, park=1)))
    assert task.schedule_time == service.clock.now
    outcome = (await row(service, envelope)).outcome
    assert outcome is not None
    assert (outcome.reason, outcome.queue) == (Reason.SUSPECT, QUARANTINE)

    assert (await service.post(suspect.encode(), queue=QUARANTINE)).json() == {"outcome": "done"}
    assert len(service.runs) == 1


async def test_in_quarantine_a_task_keeps_the_policy_of_its_queue_and_stays(service: Service) -> None:
    service.effect = failing
    envelope = service.seal(NOTE)
    await died(service, envelope, 2)
    suspect = envelope.at(Position(attempt=7, park=0))
    assert (await service.post(suspect.encode(), queue=QUARANTINE)).json() == {"outcome": "retry"}
    ((queue, last, task),) = service.created()
    assert (queue, last.position) == (QUARANTINE, Position(attempt=8, park=0))
    wait = service.pipeline.catalog.get("developer-webhooks").delivery.schedule[-1]
    assert task.schedule_time == service.clock.now + wait

    service.clock.now += wait
    assert (await service.post(last.encode(), queue=QUARANTINE)).json() == {"outcome": "dead"}
    (letter,) = service.letters()
    assert (letter.reason, letter.queue) == ("attempts-used", "developer-webhooks")


async def test_deaths_in_quarantine_count_with_those_before(service: Service) -> None:
    envelope = service.seal(NOTE)
    await died(service, envelope, 2)
    await service.post(envelope.encode())
    ((_, suspect, _),) = service.created()
    await died(service, suspect, 3, "again")
    assert (await service.post(suspect.encode(), queue=QUARANTINE)).json() == {"outcome": "dead"}
    (letter,) = service.letters()
    assert (letter.reason, letter.detail) == ("poison", "5 starts ended with the death of their process")
    assert service.runs == []


async def test_what_dies_before_it_is_claimed_is_given_up_after_very_many_dispatches(
    service: Service,
) -> None:
    envelope = service.seal(NOTE)
    assert (await service.post(envelope.encode(), retries=999)).json() == {"outcome": "done"}
    poison = service.seal(Note(id="n2", realtime=False)).model_copy(update={"payload": b"never read"})
    assert (await service.post(poison.encode(), retries=1000)).json() == {"outcome": "dead"}
    (letter,) = service.letters()
    assert (letter.reason, letter.identity) == ("poison", "n2")
    assert letter.detail == "1000 dispatches, and none of them ended it"
    assert Envelope.decode(letter.body) == poison
    assert (await row(service, poison)).starts == 0


@pytest.mark.parametrize("retries", [1000, 5000])
async def test_very_many_dispatches_do_not_end_what_went_on_or_is_done(
    service: Service, retries: int
) -> None:
    envelope = service.seal(NOTE)
    await service.post(envelope.encode())
    assert (await service.post(envelope.encode(), retries=retries)).json() == {"outcome": "done"}
    assert service.letters() == []
    assert len(service.runs) == 1


async def failing(_: Note, __: Delivery) -> End:
    return TargetFailed("answered 500")
