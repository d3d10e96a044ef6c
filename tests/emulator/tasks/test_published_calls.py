"""Every call that Google's published client offers is served, and its views are what they say."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from emulator.tasks import TasksService
from tests.emulator.running import QUEUE, task


async def test_every_call_of_the_published_client_is_served(service: TasksService) -> None:
    served = {name for methods in service.methods().values() for name in methods}
    members = inspect.getmembers(CloudTasksAsyncClient, inspect.iscoroutinefunction)
    calls = {
        re.sub(r"(?:^|_)([a-z])", lambda match: match[1].upper(), name)
        for name, _ in members
        if not name.startswith("_")
    }
    assert {"CreateTask", "GetOperation", "ListLocations", "SetIamPolicy", "UpdateCmekConfig"} < calls
    assert calls <= served


@pytest.mark.parametrize("call", ["get_task", "run_task", "list_tasks", "create_task"])
async def test_a_view_that_does_not_exist_is_refused(client: CloudTasksAsyncClient, call: str) -> None:
    await client.pause_queue(name=QUEUE)
    created = await client.create_task(parent=QUEUE, task=task("t"))
    requests: dict[str, dict[str, Any]] = {
        "list_tasks": {"parent": QUEUE},
        "create_task": {"parent": QUEUE, "task": task("other")},
    }
    request = {**requests.get(call, {"name": created.name}), "response_view": 7}
    with pytest.raises(InvalidArgument, match=r"response_view 7 is unknown: give BASIC \(1\) or FULL \(2\)"):
        await getattr(client, call)(request=request)
    assert [found.name async for found in await client.list_tasks(parent=QUEUE)] == [created.name]
