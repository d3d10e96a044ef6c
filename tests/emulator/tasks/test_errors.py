"""Errors of the calls on queues, and of lists and names: code and message as the service words them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue
from google.rpc.error_details_pb2 import Help

from tests.emulator.running import LOCATION, OTHER_QUEUE, QUEUE, task
from tests.emulator.tasks.failing import (
    BACKOFFS,
    BAD_PARENT,
    BAD_TOKEN,
    MISSING,
    NO_ENTITY,
    NO_QUEUE,
    QUEUE_FORMAT,
    fails,
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
        {"parent": LOCATION, "queue": Queue(name=f"xx{MISSING}")},
        "INVALID_ARGUMENT",
        QUEUE_FORMAT,
    ),
    (
        "create_queue",
        {"parent": LOCATION, "queue": Queue(name=f"{MISSING}/zzz")},
        "INVALID_ARGUMENT",
        QUEUE_FORMAT,
    ),
    (
        "create_queue",
        {"parent": LOCATION, "queue": Queue(name=f"{LOCATION}/queues/{'q' * 101}")},
        "INVALID_ARGUMENT",
        QUEUE_FORMAT,
    ),
    (
        "create_queue",
        {"parent": "projects/no!/locations/l", "queue": Queue(name="projects/no!/locations/l/queues/q")},
        "PERMISSION_DENIED",
        "Permission denied on resource project no!.",
    ),
    (
        "list_queues",
        {"parent": "projects/no!/locations/l"},
        "PERMISSION_DENIED",
        "Permission denied on resource project no!.",
    ),
    ("update_queue", {"queue": Queue(name=f"xx{QUEUE}")}, "INVALID_ARGUMENT", QUEUE_FORMAT),
]

SETTINGS: list[tuple[dict[str, Any], str]] = [
    (
        {"rate_limits": {"max_dispatches_per_second": -1}},
        "RateLimits.maxDispatchesPerSecond cannot be negative.",
    ),
    (
        {"rate_limits": {"max_dispatches_per_second": 500.1}},
        "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
    ),
    (
        {"rate_limits": {"max_concurrent_dispatches": -1}},
        "RateLimits.maxConcurrentDispatches cannot be negative.",
    ),
    (
        {"rate_limits": {"max_concurrent_dispatches": 5001}},
        "RateLimits.maxConcurrentDispatches must be less than or equal to 5000.",
    ),
    ({"retry_config": {"max_attempts": -2}}, "RetryConfig.maxAttempts must be greater or equal to -1."),
    ({"retry_config": {"max_doublings": -1}}, "RetryConfig.maxDoublings cannot be negative."),
    (
        {"retry_config": {"max_retry_duration": timedelta(seconds=-1)}},
        "RetryConfig.maxRetryDuration cannot be negative.",
    ),
    (
        {"retry_config": {"min_backoff": timedelta(seconds=-1)}},
        "RetryConfig.minBackoff cannot be negative.",
    ),
    (
        {"retry_config": {"max_backoff": timedelta(seconds=-1)}},
        "RetryConfig.maxBackoff cannot be negative.",
    ),
    (
        {"retry_config": {"min_backoff": timedelta(seconds=9), "max_backoff": timedelta(seconds=8)}},
        BACKOFFS,
    ),
    ({"retry_config": {"min_backoff": timedelta(seconds=3601)}}, BACKOFFS),  # the default of the other
    ({"retry_config": {"max_backoff": timedelta(milliseconds=99)}}, BACKOFFS),
    (
        {"retry_config": {"max_backoff": {"seconds": 315_576_000_001}}},
        "RetryConfig.maxBackoff must be a duration of at most 315576000000 seconds.",
    ),
    (
        {"stackdriver_logging_config": {"sampling_ratio": 1.1}},
        "StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.",
    ),
    (
        {"stackdriver_logging_config": {"sampling_ratio": -0.1}},
        "StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.",
    ),
]


@pytest.mark.parametrize(("call", "request_", "code", "message"), ROWS)
async def test_code_and_message(
    client: CloudTasksAsyncClient, call: str, request_: dict[str, Any], code: str, message: str
) -> None:
    error = await fails(client, call, request_)
    assert error.grpc_status_code == grpc.StatusCode[code]
    assert error.message == message


@pytest.mark.parametrize(("settings", "message"), SETTINGS)
async def test_settings_that_no_queue_may_have(
    client: CloudTasksAsyncClient, settings: dict[str, Any], message: str
) -> None:
    new = {"name": MISSING, **settings}
    for call, request in (
        ("create_queue", {"parent": LOCATION, "queue": new}),
        ("update_queue", {"queue": new}),
        ("update_queue", {"queue": {"name": QUEUE, **settings}}),
    ):
        error = await fails(client, call, request)
        assert error.grpc_status_code == grpc.StatusCode.INVALID_ARGUMENT
        assert error.message == message
    assert [found.name async for found in await client.list_queues(parent=LOCATION)] == [OTHER_QUEUE, QUEUE]


async def test_the_names_that_a_project_may_have(client: CloudTasksAsyncClient) -> None:
    location = "projects/example.com:proj/locations/us-central1"
    name = f"{location}/queues/{'q' * 100}"
    assert (await client.create_queue(parent=location, queue=Queue(name=name))).name == name
    created = await client.create_task(parent=name, task=task(f"{name}/tasks/t"))
    assert created.name == f"{name}/tasks/t"


@pytest.mark.parametrize(
    ("call", "request_", "description", "url"),
    [
        (
            "create_task",
            {"parent": QUEUE, "task": task("a b")},
            "Definition of task ID",
            ".tasks#Task.FIELDS.name",
        ),
        (
            "create_queue",
            {"parent": LOCATION, "queue": Queue(name="q")},
            "Definition of queue name",
            "#Queue.FIELDS.name",
        ),
    ],
)
async def test_a_bad_name_comes_with_a_link_to_its_rule(
    client: CloudTasksAsyncClient, call: str, request_: dict[str, Any], description: str, url: str
) -> None:
    error = await fails(client, call, request_)
    [detail] = error.details
    assert isinstance(detail, Help)
    [link] = detail.links
    assert link.description == description
    assert link.url.endswith(f"projects.locations.queues{url}")
