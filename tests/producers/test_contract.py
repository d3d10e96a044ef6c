"""What a producer promises, asked of the real one on the emulator and of the recording one alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.tasks_v2 import HttpMethod

from contracts import (
    CONTENT_TYPE,
    TASK_TYPES,
    Envelope,
    Position,
    TaskRegistry,
    identity_of,
)
from producers import (
    AlreadyOpen,
    InvalidIdentity,
    NotOpen,
    PartlyEnqueued,
    Producer,
    TaskTooLarge,
    UnknownQueue,
    UnregisteredTask,
    cancel,
    enqueue,
    enqueue_many,
    publish,
    publish_event,
)
from tests.contracts.events import created
from tests.emulator_fixture import PARENT
from tests.producers.subject import Note, Orphan, Subject
from tests.producers.tasks import audio, memory, transcript

ACCEPTED_AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
async def producer(subject: Subject) -> AsyncIterator[Producer]:
    async with subject.build(TaskRegistry((*TASK_TYPES, Note))) as opened:
        yield opened


async def test_an_enqueued_task_is_the_envelope_on_its_way_to_the_handlers(
    subject: Subject, producer: Producer, registry: TaskRegistry
) -> None:
    task = memory()
    receipt = await producer.enqueue(task)

    created = await subject.look(producer, receipt.task)
    request = created.http_request
    envelope = Envelope.decode(request.body)
    assert receipt.task == f"{PARENT}/queues/developer-webhooks/tasks/{envelope.task_id}"
    assert request.url == "http://127.0.0.1:8081/tasks/developer-webhook"
    assert request.http_method is HttpMethod.POST
    assert request.headers["Content-Type"] == CONTENT_TYPE
    assert request.oidc_token.service_account_email == "tasks@sidelane-local.iam.gserviceaccount.com"
    assert request.oidc_token.audience == "http://127.0.0.1:8081"
    assert created.dispatch_deadline == timedelta(seconds=60)
    assert envelope.open(registry) == task
    assert envelope.position == Position(attempt=1, park=0)
    assert (receipt.queue, receipt.type) == ("developer-webhooks", "developer-webhook")
    assert (receipt.identity, receipt.delivery_id) == (task.identity(), envelope.delivery_id)
    assert receipt.accepted_at == envelope.accepted_at
    assert not receipt.duplicate


async def test_the_same_event_again_is_a_duplicate_and_a_rebuild_is_not(producer: Producer) -> None:
    first = await producer.enqueue(memory())
    again = await producer.enqueue(memory())
    rebuilt = await producer.enqueue(memory(revision=1))

    assert again.duplicate
    assert again.task == first.task
    assert not rebuilt.duplicate
    assert rebuilt.task != first.task


async def test_a_task_goes_to_the_queue_it_routes_to(producer: Producer) -> None:
    assert (await producer.enqueue(transcript())).queue == "developer-webhooks-realtime"


async def test_an_unregistered_type_is_refused(subject: Subject, registry: TaskRegistry) -> None:
    async with subject.build(registry) as producer:
        with pytest.raises(UnregisteredTask, match=r"Note \('note'\) is not registered"):
            await producer.enqueue(Note(id="n"))


async def test_a_type_whose_queue_the_catalog_lacks_stops_start_up(subject: Subject) -> None:
    producer = subject.build(TaskRegistry((Orphan,)))
    with pytest.raises(UnknownQueue, match="'orphan' names queue 'no-such-queue'"):
        await producer.open()
    with pytest.raises(NotOpen):
        await enqueue(transcript())


async def test_a_route_that_the_catalog_lacks_is_refused(producer: Producer) -> None:
    with pytest.raises(UnknownQueue, match=r"'note'.*no queue 'nowhere'"):
        await producer.enqueue(Note(id="astray"))


@pytest.mark.parametrize("identity", ["", "x" * 501])
async def test_a_task_that_does_not_name_its_event_is_refused(producer: Producer, identity: str) -> None:
    with pytest.raises(InvalidIdentity, match="'note': identity"):
        await producer.enqueue(Note(id=identity))


async def test_an_identity_that_breaks_a_rule_is_refused(producer: Producer) -> None:
    with pytest.raises(InvalidIdentity, match="at most 500"):
        await producer.enqueue(transcript(uid="ü" * 100))
    assert len(identity_of("ü" * 80)) == 480


async def test_a_forwarded_task_goes_on_byte_for_byte(subject: Subject, producer: Producer) -> None:
    payload = b'{"written by":"newer code"}' + b" " * 300_000
    envelope = Envelope(
        type="newer-type",
        version=9,
        identity="e/1",
        attempt=2,
        park=3,
        accepted_at=ACCEPTED_AT,
        payload=payload,
    )
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    receipt = await producer.forward(envelope, "developer-webhooks-retry", schedule_at=at)

    created = await subject.look(producer, receipt.task)
    assert Envelope.decode(created.http_request.body) == envelope
    assert created.http_request.url.endswith("/tasks/newer-type")
    assert created.schedule_time == at
    assert created.dispatch_deadline == timedelta(seconds=60)
    assert receipt.queue == "developer-webhooks-retry"
    assert receipt.accepted_at == ACCEPTED_AT
    assert (await producer.forward(envelope, "developer-webhooks-retry")).duplicate


async def test_a_type_of_any_characters_stays_within_its_path_segment(
    subject: Subject, producer: Producer
) -> None:
    envelope = Envelope(type="../x?y=", version=1, identity="e", accepted_at=ACCEPTED_AT, payload=b"{}")
    receipt = await producer.forward(envelope, "developer-webhooks")
    created = await subject.look(producer, receipt.task)
    assert created.http_request.url == "http://127.0.0.1:8081/tasks/..%2Fx%3Fy%3D"


async def test_forwarding_to_a_queue_outside_the_catalog_is_refused(producer: Producer) -> None:
    envelope = Envelope.seal(transcript(), accepted_at=ACCEPTED_AT)
    with pytest.raises(UnknownQueue, match="carries 'elsewhere-retry'"):
        await producer.forward(envelope, "elsewhere-retry")


async def test_many_tasks_give_their_receipts_in_order(producer: Producer) -> None:
    tasks = [transcript(number) for number in range(100)]
    receipts = await producer.enqueue_many(iter(tasks))
    assert [receipt.identity for receipt in receipts] == [task.identity() for task in tasks]
    assert not any(receipt.duplicate for receipt in receipts)
    assert all(receipt.duplicate for receipt in await producer.enqueue_many(tasks))
    assert await producer.enqueue_many(()) == ()


async def test_what_some_of_many_could_not_do_is_told_by_place(producer: Producer) -> None:
    tasks = [transcript(0), audio(13_000_000), transcript(2), Note(id="")]
    with pytest.raises(
        PartlyEnqueued, match="2 of 4 tasks were not enqueued; the first is number 1"
    ) as caught:
        await producer.enqueue_many(tasks)
    assert [(place, type(error)) for place, error in caught.value.failures.items()] == [
        (1, TaskTooLarge),
        (3, InvalidIdentity),
    ]
    assert {place: receipt.identity for place, receipt in caught.value.receipts.items()} == {
        place: tasks[place].identity() for place in (0, 2)
    }


async def test_a_message_is_published_and_has_an_id(producer: Producer) -> None:
    first = await producer.publish("developer-webhooks-dead", b"\x00dead", {"reason": "gone"})
    second = await producer.publish("developer-webhooks-dead", b"\x00dead", {})
    assert first
    assert second not in ("", first)


async def test_the_free_functions_use_the_producer_of_the_running_loop(producer: Producer) -> None:
    assert not (await enqueue(transcript())).duplicate
    assert (await producer.enqueue(transcript())).duplicate
    assert [receipt.duplicate for receipt in await enqueue_many([transcript(), memory()])] == [True, False]
    assert await publish("developer-webhooks-dead", b"x", {})


async def test_a_closed_producer_refuses_and_leaves_the_loop(
    subject: Subject, registry: TaskRegistry
) -> None:
    async with subject.build(registry) as producer:
        await producer.enqueue(transcript())
    await producer.aclose()
    for refused in (
        producer.enqueue(transcript()),
        producer.enqueue_many([transcript()]),
        producer.publish("developer-webhooks-dead", b"", {}),
        producer.forward(Envelope.seal(transcript(), accepted_at=ACCEPTED_AT), "developer-webhooks"),
        enqueue(transcript()),
        cancel(transcript()),
        enqueue_many([]),
        publish("developer-webhooks-dead", b"", {}),
        producer.publish_event(created()),
        publish_event(created()),
    ):
        with pytest.raises(NotOpen, match="async with Producer"):
            await refused
    async with producer:
        assert await producer.enqueue(transcript(2))


async def test_another_event_loop_is_refused(producer: Producer) -> None:
    for refused in (producer.enqueue(transcript()), enqueue(transcript()), producer.aclose()):
        with pytest.raises(NotOpen):
            await asyncio.to_thread(asyncio.run, refused)
    assert not (await producer.enqueue(transcript())).duplicate


async def test_one_loop_has_one_producer(
    subject: Subject, producer: Producer, registry: TaskRegistry
) -> None:
    with pytest.raises(AlreadyOpen):
        await producer.open()
    with pytest.raises(AlreadyOpen):
        await subject.build(registry).open()
    assert not (await enqueue(transcript())).duplicate
