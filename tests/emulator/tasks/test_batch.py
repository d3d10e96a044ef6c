"""BatchCreateTasks, BatchDeleteTasks and their operations, by the unmodified clients."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import (
    AlreadyExists,
    GoogleAPICallError,
    InvalidArgument,
    MethodNotImplemented,
    NotFound,
)
from google.cloud.tasks_v2 import (
    BatchCreateTasksMetadata,
    BatchCreateTasksRequest,
    BatchDeleteTasksMetadata,
    CloudTasksAsyncClient,
    CloudTasksClient,
    CreateTaskRequest,
    Task,
)
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.longrunning import operations_pb2
from google.rpc.code_pb2 import Code

from emulator import VirtualClock
from emulator.store import Store
from emulator.tasks import TasksService
from emulator.tasks.operations import find, operation_name, record
from tests.emulator.running import LOCATION, OTHER_QUEUE, QUEUE, Running, queue, task, tasks_client
from tests.emulator.target import Target


def creates(*tasks: Task, request_id: str = "", **fields: Any) -> BatchCreateTasksRequest:
    requests = [CreateTaskRequest(parent=QUEUE, task=each, **fields) for each in tasks]
    return BatchCreateTasksRequest(parent=QUEUE, requests=requests, request_id=request_id)


def deletes(ids: Sequence[str], request_id: str = "") -> dict[str, Any]:
    return {"parent": QUEUE, "names": [f"{QUEUE}/tasks/{each}" for each in ids], "request_id": request_id}


async def listed(client: CloudTasksAsyncClient) -> list[str]:
    return [each.name.rpartition("/")[2] async for each in await client.list_tasks(parent=QUEUE)]


async def test_a_batch_creates_its_tasks_and_they_are_dispatched(
    client: CloudTasksAsyncClient, clock: VirtualClock, target: Target
) -> None:
    operation = await client.batch_create_tasks(creates(task("a", body=b"x"), task(), task("c")))
    created = (await operation.result()).tasks
    assert [each.name.rpartition("/")[2] for each in created][::2] == ["a", "c"]
    assert created[1].name.rpartition("/")[2].isdecimal()
    assert (created[0].http_request.body, created[0].view) == (b"", Task.View.BASIC)
    assert operation.metadata.state == BatchCreateTasksMetadata.State.SUCCEEDED
    assert operation.metadata.start_time.timestamp() == clock.now()
    assert operation.metadata.end_time.timestamp() == clock.now()
    assert not operation.metadata.failed_requests
    await target.received(3)
    assert {"a", "c"} < set(target.names())


async def test_each_task_of_a_batch_has_its_own_view(client: CloudTasksAsyncClient) -> None:
    operation = await client.batch_create_tasks(creates(task(body=b"secret"), response_view=Task.View.FULL))
    [created] = (await operation.result()).tasks
    assert created.http_request.body == b"secret"


async def test_a_task_that_is_wrong_fails_alone(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("taken"))
    bad = [task("ok"), task("taken"), task("ok"), task("bad", url=""), task(f"{OTHER_QUEUE}/tasks/t")]
    operation = await client.batch_create_tasks(creates(*bad, task("fine")))
    assert [each.name for each in (await operation.result()).tasks] == [
        f"{QUEUE}/tasks/ok",
        f"{QUEUE}/tasks/fine",
    ]
    metadata = operation.metadata
    assert metadata.state == BatchCreateTasksMetadata.State.PARTIALLY_SUCCEEDED
    failed = {place: (status.code, status.message) for place, status in metadata.failed_requests.items()}
    assert failed[1] == (Code.ALREADY_EXISTS, "Requested entity already exists")
    assert failed[2] == (Code.ALREADY_EXISTS, "Requested entity already exists")
    assert failed[3] == (Code.INVALID_ARGUMENT, "HttpRequest.url is required.")
    assert failed[4][0] == Code.INVALID_ARGUMENT
    assert "must be the same as the queue name in the named task" in failed[4][1]
    assert len(failed) == 4
    assert await listed(client) == ["taken", "ok", "fine"]


async def test_a_batch_that_fails_as_a_whole_is_aborted(client: CloudTasksAsyncClient) -> None:
    operation = await client.batch_create_tasks(creates(task(url="ftp://x")))
    with pytest.raises(GoogleAPICallError) as caught:
        await operation.result()
    assert operation.operation.error.code == Code.ABORTED
    assert caught.value.message == (
        "None of the requests succeeded, refer to BatchCreateTasksMetadata.failed_requests "
        "for individual error details"
    )
    assert operation.metadata.state == BatchCreateTasksMetadata.State.FAILED
    assert list(operation.metadata.failed_requests) == [0]


async def test_a_batch_deletes_tasks(
    client: CloudTasksAsyncClient, clock: VirtualClock, target: Target
) -> None:
    await client.pause_queue(name=QUEUE)
    await client.batch_create_tasks(creates(task("a"), task("b"), task("c")))
    operation = await client.batch_delete_tasks(deletes(["a", "missing", "c", "a", "b d"]))
    await operation.result()
    metadata = operation.metadata
    assert metadata.state == BatchDeleteTasksMetadata.State.PARTIALLY_SUCCEEDED
    failed = {place: (status.code, status.message) for place, status in metadata.failed_requests.items()}
    assert failed[1] == (Code.NOT_FOUND, "Requested entity was not found.")
    assert failed[3][0] == Code.NOT_FOUND
    assert failed[3][1].startswith("The task no longer exists, though a task with this name existed recently")
    assert failed[4][0] == Code.INVALID_ARGUMENT
    assert len(failed) == 3
    assert await listed(client) == ["b"]
    await client.resume_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("sign"))
    await target.received(2)
    assert sorted(target.names()) == ["b", "sign"]
    with pytest.raises(AlreadyExists, match="existed too recently"):
        await client.create_task(parent=QUEUE, task=task("a"))


async def test_of_a_thousand_deletes_that_all_fail(client: CloudTasksAsyncClient) -> None:
    operation = await client.batch_delete_tasks(deletes([f"t-{number}" for number in range(1000)]))
    with pytest.raises(GoogleAPICallError) as caught:
        await operation.result()
    assert operation.operation.error.code == Code.ABORTED
    assert caught.value.message == (
        "None of the requests succeeded, refer to BatchDeleteTasksMetadata.failed_requests "
        "for individual error details"
    )
    assert len(operation.metadata.failed_requests) == 1000


async def test_a_request_id_makes_a_batch_happen_once(
    client: CloudTasksAsyncClient, service: TasksService
) -> None:
    await client.pause_queue(name=QUEUE)
    batch = creates(task(), task(), request_id="once")
    calls = await asyncio.gather(*(client.batch_create_tasks(batch) for _ in range(3)))
    assert len({call.operation.name for call in calls}) == 1
    results = [await call.result() for call in calls]
    assert results[0] == results[1] == results[2]
    assert [each.name for each in results[0].tasks] == [
        f"{QUEUE}/tasks/{each}" for each in await listed(client)
    ]
    other = await client.batch_create_tasks(creates(task(), request_id="again"))
    assert other.operation.name != calls[0].operation.name
    assert len(await listed(client)) == 3
    batch_delete = deletes(await listed(client), "once")
    deleted = [await client.batch_delete_tasks(batch_delete) for _ in range(2)]
    assert await deleted[1].result() == await deleted[0].result()
    assert service.batch_statistics().created_total == 3
    assert service.batch_statistics().deleted_total == 3
    assert service.batch_statistics().failed_total == 0


@pytest.mark.parametrize(
    ("call", "request_", "message"),
    [
        ("batch_create_tasks", {"parent": QUEUE}, "requests has 0 entries: give 1 to 100."),
        ("batch_create_tasks", creates(*[task()] * 101), "requests has 101 entries: give 1 to 100."),
        ("batch_delete_tasks", {"parent": QUEUE}, "names has 0 entries: give 1 to 1000."),
        ("batch_delete_tasks", deletes(["t"] * 1001), "names has 1001 entries: give 1 to 1000."),
        (
            "batch_create_tasks",
            {"parent": QUEUE, "requests": [{"task": task()}, {"parent": OTHER_QUEUE, "task": task()}]},
            f"requests[1].parent is '{OTHER_QUEUE}': give the batch's parent ('{QUEUE}'), or none.",
        ),
        (
            "batch_create_tasks",
            {"parent": QUEUE, "requests": [{"task": task(), "response_view": 7}]},
            "response_view 7 is unknown: give BASIC (1) or FULL (2).",
        ),
        ("get_operation", {"name": "nonsense"}, "Operation name must be formatted: "),
    ],
)
async def test_what_is_wrong_with_the_call_itself(
    client: CloudTasksAsyncClient, call: str, request_: Any, message: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await getattr(client, call)(request_)
    assert message in caught.value.message
    assert await listed(client) == []


async def test_a_missing_queue_is_an_error_of_the_call(client: CloudTasksAsyncClient) -> None:
    missing = f"{LOCATION}/queues/missing"
    for call in (
        client.batch_create_tasks({"parent": missing, "requests": [{"task": task()}]}),
        client.batch_delete_tasks({"parent": missing, "names": [f"{missing}/tasks/t"]}),
    ):
        with pytest.raises(NotFound, match="Queue does not exist"):
            await call


async def test_tasks_and_operation_survive_a_restart(
    running: Running, clock: VirtualClock, target: Target
) -> None:
    batch = creates(*(task(f"t-{number}") for number in range(100)), request_id="once")
    async with (
        running(clock=clock, sender=target, queues=[queue()]) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        await client.pause_queue(name=QUEUE)
        before = (await client.batch_create_tasks(batch)).operation
    async with (
        running(clock=clock, sender=target, queues=[queue()]) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        assert await client.get_operation({"name": before.name}) == before
        assert (await client.batch_create_tasks(batch)).operation == before
        assert len(await listed(client)) == 100
        await client.resume_queue(name=QUEUE)
        await target.received(100)


async def test_get_operation_alone_is_published(client: CloudTasksAsyncClient) -> None:
    operation = await client.batch_create_tasks(creates(task()))
    name = operation.operation.name
    assert name.startswith(f"{LOCATION}/operations/")
    assert await client.get_operation({"name": name}) == operation.operation
    with pytest.raises(NotFound, match="Requested entity was not found"):
        await client.get_operation({"name": f"{LOCATION}/operations/missing"})
    others = client.transport.operations_client
    for call in (others.delete_operation, others.cancel_operation):
        with pytest.raises(MethodNotImplemented, match="is not served by the Sidelane emulator"):
            await call(name, retry=None)
    with pytest.raises(MethodNotImplemented, match="ListOperations is not served by the Sidelane emulator"):
        [_ async for _ in await others.list_operations(LOCATION, "", retry=None)]


async def test_the_synchronous_client(running: Running) -> None:
    def call(address: str) -> None:
        with grpc.insecure_channel(address) as channel:
            client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
            client.pause_queue(name=QUEUE)
            created = client.batch_create_tasks(creates(task("a"), task("a")))
            assert [each.name for each in created.result().tasks] == [f"{QUEUE}/tasks/a"]
            assert list(created.metadata.failed_requests) == [1]
            client.batch_delete_tasks(deletes(["a"])).result()
            with pytest.raises(GoogleAPICallError, match="None of the requests succeeded"):
                client.batch_delete_tasks(deletes(["a"])).result()

    async with running(queues=[queue()]) as emulator:
        await asyncio.to_thread(call, emulator.addresses.tasks)


async def test_the_oldest_operations_leave(store: Store) -> None:
    def operation(number: int) -> operations_pb2.Operation:
        return operations_pb2.Operation(name=f"{LOCATION}/operations/{number}", done=True)

    async def kept() -> list[int]:
        def read(connection: sqlite3.Connection) -> list[int]:
            return [number for number in range(20) if find(connection, operation(number).name) is not None]

        return await store.read(read)

    async def keep(number: int, **limits: int) -> None:
        await store.write(lambda connection: record(connection, operation(number), **limits))

    for number in range(10):
        await keep(number, max_operations=4)
    assert await kept() == [6, 7, 8, 9]
    for number in range(10, 13):
        await keep(number, max_bytes=2 * operation(number).ByteSize())
    assert await kept() == [11, 12]
    await keep(13, max_bytes=1)
    assert await kept() == [13]


def test_a_request_id_names_one_operation_of_one_call_on_one_queue() -> None:
    name = operation_name(QUEUE, "BatchCreateTasks", "a")
    assert name == operation_name(QUEUE, "BatchCreateTasks", "a")
    others = {
        operation_name(QUEUE, "BatchCreateTasks", "b"),
        operation_name(QUEUE, "BatchDeleteTasks", "a"),
        operation_name(OTHER_QUEUE, "BatchCreateTasks", "a"),
        operation_name(QUEUE, "BatchCreateTasks", ""),
        operation_name(QUEUE, "BatchCreateTasks", ""),
    }
    assert len(others - {name}) == 5
