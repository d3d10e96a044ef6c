"""Tasks that other versions of the code wrote: older ones run, newer ones wait for newer handlers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts import Envelope
from tests.handlers.conftest import Note, Service

NOTE = Note(id="n1", realtime=False)


async def test_an_older_version_is_upcast_and_run(service: Service) -> None:
    old = service.seal(NOTE).model_copy(update={"version": 1, "payload": b'{"id": "n1"}'})
    assert (await service.post(old.encode())).json() == {"outcome": "done"}
    assert len(service.runs) == 1


@pytest.mark.parametrize("change", [{"version": 3}, {"type": "novelty"}])
async def test_a_newer_version_or_type_is_parked_byte_for_byte_and_dies_at_the_skew_age(
    service: Service, change: dict[str, object]
) -> None:
    payload = b'{ "from":"the future" ,  "n": 1e0 }'
    envelope = service.seal(NOTE).model_copy(update={**change, "payload": payload})
    queue = "developer-webhooks"
    parks = 0
    while not service.letters():
        reply = await service.post(envelope.encode(), task_type=envelope.type, queue=queue)
        assert reply.status_code == 200
        if service.letters():
            break
        queue, envelope, task = service.created()[-1]
        parks += 1
        assert queue == "developer-webhooks-retry"
        assert (envelope.attempt, envelope.park, envelope.payload) == (1, parks, payload)
        assert task.schedule_time == service.clock.now + timedelta(seconds=60)
        service.clock.forward(hours=8)
    assert parks == 3
    (letter,) = service.letters()
    assert letter.reason == "needs-newer-code"
    assert Envelope.decode(letter.body).payload == payload
    assert service.runs == []


async def test_code_that_catches_up_runs_what_was_parked(service: Service) -> None:
    future = service.seal(NOTE).model_copy(update={"version": 3})
    await service.post(future.encode())
    ((_, parked, _),) = service.created()
    assert (await service.post(parked.model_copy(update={"version": 2}).encode())).json() == {
        "outcome": "done"
    }
    assert len(service.runs) == 1
