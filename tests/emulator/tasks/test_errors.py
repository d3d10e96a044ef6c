"""Every error of the calls that are served: code and message as the service words them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksAsyncClient, HttpRequest, OidcToken, Queue, Task
from google.rpc.error_details_pb2 import Help

from tests.emulator.running import LOCATION, QUEUE, task

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
BAD_TOKEN = (
    "The page token is invalid: pass next_page_token as a list call answered it, "
    "with the same parent and filter."
)

ROWS: list[tuple[str, dict[str, Any], str, str]] = [
    ("get_queue", {"name": MISSING}, "NOT_FOUND", NO_QUEUE),
    ("get_queue", {"name": "nonsense"}, "INVALID_ARGUMENT", QUEUE_FORMAT),
    ("get_queue", {"name": f"x{QUEUE}/y"}, "INVALID_ARGUMENT", QUEUE_FORMAT),
    ("pause_queue", {"name": MISSING}, "NOT_FOUND", NO_QUEUE),
    ("resume_queue", {"name": MISSING}, "NOT_FOUND", NO_QUEUE),
    ("purge_queue", {"name": MISSING}, "NOT_FOUND", NO_QUEUE),
    ("delete_queue", {"name": MISSING}, "NOT_FOUND", NO_ENTITY),
    ("delete_queue", {"name": ""}, "INVALID_ARGUMENT", QUEUE_FORMAT),
    ("list_queues", {"parent": "nonsense"}, "INVALID_ARGUMENT", BAD_PARENT),
    ("list_queues", {"parent": LOCATION, "page_token": "%"}, "INVALID_ARGUMENT", BAD_TOKEN),
    (
        "list_queues",
        {"parent": LOCATION, "page_size": -1},
        "INVALID_ARGUMENT",
        "The page size cannot be negative.",
    ),
    (
        "create_queue",
        {"parent": LOCATION, "queue": Queue(name=QUEUE)},
        "ALREADY_EXISTS",
        "Queue already exists",
    ),
    ("create_queue", {"parent": LOCATION, "queue": Queue()}, "INVALID_ARGUMENT", QUEUE_FORMAT),
    ("create_queue", {"parent": "nonsense", "queue": Queue(name=MISSING)}, "INVALID_ARGUMENT", BAD_PARENT),
    (
        "create_queue",
        {"parent": "projects/p/locations/l", "queue": Queue(name=MISSING)},
        "INVALID_ARGUMENT",
        f"{MISSING} must begin with projects/p/locations/l.",
    ),
    (
        "create_queue",
        {
            "parent": LOCATION,
            "queue": {"name": MISSING, "rate_limits": {"max_dispatches_per_second": 501}},
        },
        "INVALID_ARGUMENT",
        "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
    ),
    (
        "create_queue",
        {"parent": LOCATION, "queue": {"name": MISSING, "retry_config": {"max_attempts": -2}}},
        "INVALID_ARGUMENT",
        "RetryConfig.maxAttempts must be greater or equal to -1.",
    ),
    ("create_task", {"parent": MISSING, "task": task()}, "NOT_FOUND", NO_QUEUE),
    ("create_task", {"parent": "nonsense", "task": task()}, "INVALID_ARGUMENT", QUEUE_FORMAT),
    (
        "create_task",
        {"parent": QUEUE, "task": task("nonsense/")},
        "INVALID_ARGUMENT",
        TASK_FORMAT,
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(f"{MISSING}/tasks/t")},
        "INVALID_ARGUMENT",
        f"The queue name from request ('{QUEUE}') must be the same as the queue name in the named task "
        f"('{MISSING}').",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task("a b")},
        "INVALID_ARGUMENT",
        'Task ID "a b" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores '
        "(_). Task ID must between 1 and 500 characters.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": Task()},
        "INVALID_ARGUMENT",
        "Task.http_request or Task.app_engine_http_request is required.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": Task(http_request=HttpRequest(body=b"x"))},
        "INVALID_ARGUMENT",
        "HttpRequest.url is required.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(url="gopher://h")},
        "INVALID_ARGUMENT",
        "HttpTarget.url must start with 'http://' or 'https://'.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(body=b"x", http_method="GET")},
        "INVALID_ARGUMENT",
        "HttpRequest.body is allowed only if the HTTP method is POST, PUT, or PATCH.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(http_method=99)},
        "INVALID_ARGUMENT",
        "HttpRequest.httpMethod 99 is unknown.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": Task(task(), dispatch_deadline=timedelta(seconds=14))},
        "INVALID_ARGUMENT",
        "Task.dispatchDeadline must be between [15s, 30m].",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": Task(task(), schedule_time=datetime(2099, 1, 1, tzinfo=UTC))},
        "INVALID_ARGUMENT",
        "The Task.scheduleTime, 2098-12-31T16:00:00-08:00, is too far in the future. "
        "Schedule time must be no more than 720h in the future.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(body=b"x" * 2**20)},
        "INVALID_ARGUMENT",
        "Task size too large",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(oidc_token=OidcToken(audience="a"))},
        "INVALID_ARGUMENT",
        "HttpRequest.oidcToken.serviceAccountEmail is required.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": Task(task(), retry_config={"max_attempts": -2})},
        "INVALID_ARGUMENT",
        "RetryConfig.maxAttempts must be greater or equal to -1.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": Task(task(), retry_config={"min_backoff": timedelta(hours=2)})},
        "INVALID_ARGUMENT",
        "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
    ),
    ("get_task", {"name": f"{QUEUE}/tasks/missing"}, "NOT_FOUND", NO_ENTITY),
    ("get_task", {"name": QUEUE}, "INVALID_ARGUMENT", TASK_FORMAT),
    ("get_task", {"name": f"{MISSING}/tasks/t"}, "NOT_FOUND", NO_QUEUE),
    ("delete_task", {"name": f"{QUEUE}/tasks/missing"}, "NOT_FOUND", NO_ENTITY),
    ("list_tasks", {"parent": MISSING}, "NOT_FOUND", NO_QUEUE),
    ("list_tasks", {"parent": QUEUE, "page_token": "bm90IGEgbnVtYmVy"}, "INVALID_ARGUMENT", BAD_TOKEN),
]

UNSERVED: list[tuple[str, dict[str, Any], str]] = [
    ("get_iam_policy", {"resource": QUEUE}, "GetIamPolicy is not served by the Sidelane emulator yet"),
]


async def fails(client: CloudTasksAsyncClient, call: str, request: Mapping[str, Any]) -> GoogleAPICallError:
    with pytest.raises(GoogleAPICallError) as caught:
        await getattr(client, call)(request=request, retry=None)
    return caught.value


@pytest.mark.parametrize(("call", "request_", "code", "message"), ROWS)
async def test_code_and_message(
    client: CloudTasksAsyncClient, call: str, request_: dict[str, Any], code: str, message: str
) -> None:
    error = await fails(client, call, request_)
    assert error.grpc_status_code == grpc.StatusCode[code]
    assert error.message == message


@pytest.mark.parametrize(("call", "request_", "message"), UNSERVED)
async def test_what_is_not_served_says_so(
    client: CloudTasksAsyncClient, call: str, request_: dict[str, Any], message: str
) -> None:
    error = await fails(client, call, request_)
    assert error.grpc_status_code == grpc.StatusCode.UNIMPLEMENTED
    assert error.message.startswith(message)
    assert error.message.endswith(".")


async def test_a_bad_name_comes_with_a_link_to_its_rule(client: CloudTasksAsyncClient) -> None:
    error = await fails(client, "create_task", {"parent": QUEUE, "task": task("a b")})
    [detail] = error.details
    assert isinstance(detail, Help)
    assert detail.links[0].description == "Definition of task ID"
