"""Many tasks in few calls: what a batch answers, and what becomes of its tasks when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.longrunning.operations_pb2 import Operation

from contracts import Catalog, TaskRegistry
from producers import PartlyEnqueued, Producer, ProducerSettings, UnknownQueue
from tests.emulator_fixture import PARENT, RunningEmulator
from tests.producers.conftest import pointing_at
from tests.producers.front import Front, answer, front, lose_answer
from tests.producers.tasks import audio, memory, transcript

REALTIME = "developer-webhooks-realtime"


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def service(emulator: RunningEmulator) -> AsyncIterator[Front]:
    async with front(emulator.addresses.tasks) as state:
        yield state


@pytest.fixture
async def producer(
    service: Front, emulator: RunningEmulator, catalog: Catalog, registry: TaskRegistry, tmp_path: Path
) -> AsyncIterator[Producer]:
    settings: ProducerSettings = pointing_at(emulator, blobs=tmp_path / "blobs").model_copy(
        update={"cloud_tasks_emulator_host": service.address}
    )
    async with Producer(settings, catalog, registry, sleep=at_once) as opened:
        yield opened


async def test_a_hundred_tasks_of_a_queue_are_one_call(
    producer: Producer, service: Front, emulator: RunningEmulator
) -> None:
    receipts = await producer.enqueue_many(transcript(number) for number in range(100))
    assert service.methods == ["BatchCreateTasks"]
    assert {receipt.task for receipt in receipts} == set(await emulator.task_names(REALTIME))


async def test_each_queue_and_each_hundred_is_a_call(producer: Producer, service: Front) -> None:
    tasks = [transcript(number) for number in range(150)] + [memory(number) for number in range(30)]
    receipts = await producer.enqueue_many(tasks)
    assert [receipt.identity for receipt in receipts] == [task.identity() for task in tasks]
    assert sorted(service.methods) == ["BatchCreateTasks"] * 3


async def test_a_single_task_is_created_as_such(producer: Producer, service: Front) -> None:
    await producer.enqueue_many([transcript()])
    assert service.methods == ["CreateTask"]


async def test_known_and_new_tasks_of_a_batch_are_told_apart(producer: Producer, service: Front) -> None:
    await producer.enqueue(transcript(1))
    receipts = await producer.enqueue_many([transcript(0), transcript(1), transcript(2)])
    assert [receipt.duplicate for receipt in receipts] == [False, True, False]
    assert service.methods == ["CreateTask", "BatchCreateTasks"]
    assert all(each.duplicate for each in await producer.enqueue_many([transcript(0), transcript(2)]))


async def test_a_service_without_batches_is_asked_once(
    producer: Producer, service: Front, emulator: RunningEmulator
) -> None:
    service.faults.append(answer(grpc.StatusCode.UNIMPLEMENTED))
    assert len(await producer.enqueue_many(transcript(number) for number in range(3))) == 3
    assert len(await producer.enqueue_many(transcript(number) for number in range(3, 6))) == 3
    assert service.methods == ["BatchCreateTasks", *["CreateTask"] * 6]
    assert len(await emulator.task_names(REALTIME)) == 6


async def test_a_batch_whose_answer_was_lost_is_no_duplicate(producer: Producer, service: Front) -> None:
    service.faults.append(lose_answer)
    receipts = await producer.enqueue_many(transcript(number) for number in range(3))
    assert not any(receipt.duplicate for receipt in receipts)
    assert service.methods == ["BatchCreateTasks"] * 2


async def test_a_batch_that_is_not_done_at_once_is_waited_for(producer: Producer, service: Front) -> None:
    await producer.enqueue(transcript(1))
    polls = 0

    def not_yet(method: str, answered: bytes) -> bytes:
        nonlocal polls
        polls += method == "GetOperation"
        if method == "CreateTask" or polls == 2:
            return answered
        operation = Operation.FromString(answered)
        return bytes(Operation(name=operation.name).SerializeToString())

    service.rewrite = not_yet
    receipts = await producer.enqueue_many(transcript(number) for number in range(3))
    assert [receipt.duplicate for receipt in receipts] == [False, True, False]
    assert service.methods[1:] == ["BatchCreateTasks", "GetOperation", "GetOperation"]


async def test_what_a_batch_did_not_create_is_tried_alone(producer: Producer, service: Front) -> None:
    def failed(method: str, answered: bytes) -> bytes:
        if method != "BatchCreateTasks":
            return answered
        operation = Operation.FromString(answered)
        operation.ClearField("metadata")
        operation.error.code = grpc.StatusCode.CANCELLED.value[0]
        return bytes(operation.SerializeToString())

    service.rewrite = failed
    receipts = await producer.enqueue_many(transcript(number) for number in range(3))
    assert len(receipts) == 3
    assert service.methods == ["BatchCreateTasks", *["CreateTask"] * 3]


async def test_a_queue_that_is_not_there_fails_its_tasks_alone(
    producer: Producer, emulator: RunningEmulator
) -> None:
    await emulator.tasks.delete_queue(name=f"{PARENT}/queues/{REALTIME}")
    with pytest.raises(PartlyEnqueued) as caught:
        await producer.enqueue_many([transcript(0), transcript(1), memory(0), memory(1)])
    assert {place: type(error) for place, error in caught.value.failures.items()} == dict.fromkeys(
        (0, 1), UnknownQueue
    )
    assert list(caught.value.receipts) == [2, 3]


async def test_large_envelopes_go_in_several_calls(producer: Producer, service: Front) -> None:
    receipts = await producer.enqueue_many(audio(140_000, sequence=number) for number in range(40))
    assert len(receipts) == 40
    assert service.methods == ["BatchCreateTasks"] * 3
