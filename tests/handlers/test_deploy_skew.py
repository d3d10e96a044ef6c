"""Tasks that other versions of the code wrote: older ones run, newer ones wait for newer handlers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

import pytest

from contracts import Envelope, Task, TaskRegistry
from handlers.delivery import End, Returned, TargetFailed
from handlers.effect import Delivery
from handlers.pipeline import Pipeline
from stores import Key
from tests.handlers.conftest import Note, Service
from tests.stores.starts import start

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


class OldNote(Task):
    """The type as it was before: what the code of version 1 knows."""

    name: ClassVar[str] = "note"
    queue: ClassVar[str] = "developer-webhooks"
    alternate_queues: ClassVar[tuple[str, ...]] = ("developer-webhooks-realtime",)

    id: str

    def identity(self) -> str:
        return self.id

    def target(self) -> str:
        return "notebook"


OLD_PAYLOAD = b'{"id":  "n1", "left_out_later": 7}'
"""As version 1 wrote it, spaces and all."""


@dataclass
class Rollout:
    """Both versions of the code beside each other, over one ledger and one Cloud Tasks."""

    service: Service
    new: Pipeline
    old: Pipeline
    seen: int = 0

    async def handle(self, code: Pipeline, envelope: Envelope, queue: str = "developer-webhooks") -> str:
        request = replace(self.service.request(envelope), cloud_queue=queue)
        reply = await code.handle(request)
        assert reply.status == 200
        return reply.word

    def next(self) -> tuple[str, Envelope]:
        """What the last request enqueued, and nothing else was."""
        created = self.service.created()
        assert len(created) == self.seen + 1
        self.seen += 1
        queue, envelope, _ = created[-1]
        return queue, envelope


@pytest.fixture
def rollout(service: Service) -> Rollout:
    old = replace(service.pipeline, registry=TaskRegistry([OldNote]))
    return Rollout(service, service.pipeline, old)


async def test_new_tasks_wait_while_old_code_is_left_and_then_run(rollout: Rollout) -> None:
    """The rollout comes in any order: old handlers park what they cannot read, as often as they meet it."""
    envelope = rollout.service.seal(NOTE)
    assert await rollout.handle(rollout.old, envelope) == "park"
    queue, parked = rollout.next()
    assert await rollout.handle(rollout.old, parked, queue) == "park"
    queue, parked = rollout.next()
    assert (queue, parked.payload) == ("developer-webhooks-retry", envelope.payload)
    assert parked.model_dump() == {**envelope.model_dump(), "park": 2}
    assert await rollout.handle(rollout.new, parked, queue) == "done"
    assert await rollout.handle(rollout.old, envelope) == "superseded"
    assert len(rollout.service.runs) == 1


async def test_an_old_task_goes_on_with_its_own_bytes_whatever_code_it_meets(rollout: Rollout) -> None:
    rollout.service.effect = failing
    envelope = rollout.service.seal(NOTE).model_copy(update={"version": 1, "payload": OLD_PAYLOAD})
    for code in (rollout.old, rollout.new, rollout.old, rollout.new):
        assert await rollout.handle(code, envelope) == "retry"
        before = envelope
        _, envelope = rollout.next()
        assert (envelope.version, envelope.payload) == (1, OLD_PAYLOAD)
        assert envelope.attempt == before.attempt + 1
    rollout.service.effect = done
    assert await rollout.handle(rollout.new, envelope) == "done"
    assert [run.attempt for run in rollout.service.runs] == [1, 2, 3, 4, 5]


async def test_a_rollback_parks_the_retry_of_a_new_task_and_keeps_its_attempts(rollout: Rollout) -> None:
    rollout.service.effect = failing
    envelope = rollout.service.seal(NOTE)
    assert await rollout.handle(rollout.new, envelope) == "retry"
    queue, second = rollout.next()
    assert await rollout.handle(rollout.old, second, queue) == "park"
    queue, parked = rollout.next()
    assert (parked.attempt, parked.park, parked.payload) == (2, 1, envelope.payload)
    assert await rollout.handle(rollout.new, parked, queue) == "retry"
    assert [run.attempt for run in rollout.service.runs] == [1, 2]


async def test_what_newer_code_put_into_quarantine_waits_there_for_it(rollout: Rollout) -> None:
    envelope = rollout.service.seal(NOTE)
    for number in range(2):
        await rollout.service.ledger.claim(start(Key.of(envelope), token=f"t{number}"))  # and died
    assert await rollout.handle(rollout.new, envelope) == "park"
    queue, suspect = rollout.next()
    assert queue == "quarantine"
    assert await rollout.handle(rollout.old, suspect, queue) == "park"
    queue, suspect = rollout.next()
    assert (queue, suspect.payload) == ("quarantine", envelope.payload)
    assert await rollout.handle(rollout.new, suspect, queue) == "done"


async def test_a_new_task_that_waited_too_long_is_a_letter_that_newer_code_can_replay(
    rollout: Rollout,
) -> None:
    envelope = rollout.service.seal(NOTE)
    queue = "developer-webhooks"
    while await rollout.handle(rollout.old, envelope, queue) == "park":
        queue, envelope = rollout.next()
        rollout.service.clock.forward(hours=12)
    (letter,) = rollout.service.letters()
    assert letter.reason == "needs-newer-code"
    again = Envelope.decode(letter.body).replayed(1, rollout.service.clock.now)
    assert await rollout.handle(rollout.new, again) == "done"


async def failing(_: Task, __: Delivery) -> End:
    return TargetFailed("answered 500")


async def done(_: Task, __: Delivery) -> End:
    return Returned()
