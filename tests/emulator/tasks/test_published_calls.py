"""Every call that Google's published client offers is served."""

from __future__ import annotations

import inspect
import re

from google.cloud.tasks_v2 import CloudTasksAsyncClient

from emulator.tasks import TasksService


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
