"""Every error of the calls on tasks: code and message as the service words them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, HttpRequest, OAuthToken, OidcToken, Queue, Task

from tests.emulator.running import QUEUE, task
from tests.emulator.tasks.failing import (
    BACKOFFS,
    BAD_TOKEN,
    MISSING,
    NO_ENTITY,
    NO_QUEUE,
    QUEUE_FORMAT,
    TASK_FORMAT,
    fails,
)

ROWS: list[tuple[str, dict[str, Any], str, str]] = [
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
        {"parent": QUEUE, "task": task("t" * 501)},
        "INVALID_ARGUMENT",
        f'Task ID "{"t" * 501}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or '
        "underscores (_). Task ID must between 1 and 500 characters.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(f"xx{QUEUE}/tasks/t")},
        "INVALID_ARGUMENT",
        TASK_FORMAT,
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(url="http://h/" + "a" * 2075)},
        "INVALID_ARGUMENT",
        "HttpRequest.url must be at most 2083 characters.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(url="http://h/" + "ä" * 346)},
        "INVALID_ARGUMENT",
        "HttpRequest.url must be at most 2083 characters.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(url="http://h/" + " " * 692)},
        "INVALID_ARGUMENT",
        "HttpRequest.url must be at most 2083 characters.",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(headers={"a": "x" * 81_919})},
        "INVALID_ARGUMENT",
        "HttpRequest.headers must be less than 80 KB.",
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
        {"parent": QUEUE, "task": Task(task(), dispatch_deadline=timedelta(seconds=1801))},
        "INVALID_ARGUMENT",
        "Task.dispatchDeadline must be between [15s, 30m].",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": Task(task(), dispatch_deadline=timedelta(0))},
        "INVALID_ARGUMENT",
        "Task.dispatchDeadline must be between [15s, 30m].",
    ),
    (
        "create_task",
        {"parent": QUEUE, "task": task(oauth_token=OAuthToken(scope="s"))},
        "INVALID_ARGUMENT",
        "HttpRequest.oauthToken.serviceAccountEmail is required.",
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


@pytest.mark.parametrize(("call", "request_", "code", "message"), ROWS)
async def test_code_and_message(
    client: CloudTasksAsyncClient, call: str, request_: dict[str, Any], code: str, message: str
) -> None:
    error = await fails(client, call, request_)
    assert error.grpc_status_code == grpc.StatusCode[code]
    assert error.message == message


async def test_the_backoffs_of_task_and_queue_are_compared_together(client: CloudTasksAsyncClient) -> None:
    retry = {"min_backoff": timedelta(seconds=10), "max_backoff": timedelta(seconds=20)}
    await client.update_queue(queue=Queue(name=QUEUE, retry_config=retry))
    for own in ({"min_backoff": timedelta(seconds=21)}, {"max_backoff": timedelta(seconds=9)}):
        error = await fails(client, "create_task", {"parent": QUEUE, "task": Task(task(), retry_config=own)})
        assert error.message == BACKOFFS


LIMITS: list[Task] = [
    task(url="http://h/" + "a" * 2074),
    task(url="http://h/" + "ä" * 345),
    task(url="http://h/%zz"),
    task(headers={"a": "x" * (81_918 - len("User-AgentGoogle-Cloud-Tasks"))}),
    Task(task(), dispatch_deadline=timedelta(seconds=15)),
    Task(task(), dispatch_deadline=timedelta(seconds=1800)),
    task("t" * 500),
    *(task(body=b"x", http_method=method) for method in ("POST", "PUT", "PATCH")),
]


@pytest.mark.parametrize("given", LIMITS)
async def test_what_is_just_allowed(client: CloudTasksAsyncClient, given: Task) -> None:
    await client.pause_queue(name=QUEUE)
    assert (await client.create_task(parent=QUEUE, task=given)).name
