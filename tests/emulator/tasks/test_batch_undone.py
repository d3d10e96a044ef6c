"""A batch is run twice where a write beside it is undone: it then knows nothing of its first run."""

from __future__ import annotations

import asyncio
import sqlite3

from google.cloud.tasks_v2 import BatchCreateTasksMetadata, BatchCreateTasksRequest, CreateTaskRequest

from emulator.store import Store
from emulator.tasks import TasksService, tables
from tests.emulator.running import QUEUE, task


async def test_a_batch_beside_a_write_that_is_undone_knows_nothing_of_it(
    service: TasksService, store: Store
) -> None:
    def take_the_name_and_fail(connection: sqlite3.Connection) -> None:
        [(key, _)] = [(key, name) for key, name, _ in tables.queues(connection) if name == QUEUE]
        tables.insert_task(
            connection, queue=key, task_id="a", created_at=0, schedule_time=0, message=b"never there"
        )
        raise ValueError("undone")

    _, create = service.methods()["google.cloud.tasks.v2.CloudTasks"]["BatchCreateTasks"]
    request = BatchCreateTasksRequest.pb(
        BatchCreateTasksRequest(parent=QUEUE, requests=[CreateTaskRequest(parent=QUEUE, task=task("a"))])
    )
    undone, operation = await asyncio.gather(
        store.write(take_the_name_and_fail), create(request), return_exceptions=True
    )
    assert isinstance(undone, ValueError)
    assert not isinstance(operation, BaseException)
    metadata = BatchCreateTasksMetadata.pb()()
    operation.metadata.Unpack(metadata)
    assert metadata.state == BatchCreateTasksMetadata.State.SUCCEEDED
    assert not metadata.failed_requests
