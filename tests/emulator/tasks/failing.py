"""Calls that fail, and the service's words for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from tests.emulator.running import LOCATION

MISSING = f"{LOCATION}/queues/missing"
NO_QUEUE = (
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
)
NO_ENTITY = "Requested entity was not found."
QUEUE_FORMAT = (
    'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
)
TASK_FORMAT = QUEUE_FORMAT.replace("Queue name", "Task name").replace('ID>".', 'ID>/tasks/<TASK_ID>"')
BAD_PARENT = "Invalid resource field value in the request."
BACKOFFS = "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff."
BAD_TOKEN = (
    "The page token is invalid: pass next_page_token as a list call answered it, "
    "with the same parent and filter."
)


async def fails(client: CloudTasksAsyncClient, call: str, request: Mapping[str, Any]) -> GoogleAPICallError:
    with pytest.raises(GoogleAPICallError) as caught:
        await getattr(client, call)(request=request, retry=None)
    return caught.value
