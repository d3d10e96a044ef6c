"""A caller that leaves in the middle of a call: what was committed for it is known to the queues as well."""

from __future__ import annotations

import asyncio
from typing import Any

from google.cloud.tasks_v2 import BatchCreateTasksRequest, CreateTaskRequest, PauseQueueRequest

from emulator.store import Store
from emulator.tasks import TasksService
from tests.emulator.running import QUEUE, task
from tests.emulator.target import Target


async def abandon(service: TasksService, method: str, request: Any) -> None:
    """Call, and leave as soon as the call has handed its write to the store."""
    request_class, function = service.methods()["google.cloud.tasks.v2.CloudTasks"][method]
    assert isinstance(request, request_class)
    call = asyncio.ensure_future(function(request))
    for _ in range(3):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert call.cancelled()


async def test_a_task_whose_creator_left_is_dispatched(service: TasksService, target: Target) -> None:
    request = CreateTaskRequest(parent=QUEUE, task=task("orphan"))
    await abandon(service, "CreateTask", CreateTaskRequest.pb(request))
    await target.received(1)
    assert target.names() == ["orphan"]


async def test_a_pause_whose_caller_left_holds(service: TasksService, store: Store) -> None:
    await abandon(service, "PauseQueue", PauseQueueRequest.pb(PauseQueueRequest(name=QUEUE)))
    await store.write(lambda _: None)  # committed after the pause
    assert [queue.name for queue in service.queues() if queue.paused] == [QUEUE]


async def test_a_batch_whose_creator_left_is_dispatched(service: TasksService, target: Target) -> None:
    creates = [CreateTaskRequest(parent=QUEUE, task=task(f"orphan-{number}")) for number in range(3)]
    request = BatchCreateTasksRequest(parent=QUEUE, requests=creates)
    await abandon(service, "BatchCreateTasks", BatchCreateTasksRequest.pb(request))
    await target.received(3)
    assert sorted(target.names()) == ["orphan-0", "orphan-1", "orphan-2"]
