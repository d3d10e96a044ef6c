"""App Engine tasks: what is stored, what is sent to the configured host, and what a retry is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import AppEngineHttpRequest, CloudTasksAsyncClient, Queue, Task
from google.protobuf.field_mask_pb2 import FieldMask

from emulator import Failure, FailureReason, TasksSettings, VirtualClock
from tests.emulator.running import LOCATION, QUEUE, Running, queue, tasks_client
from tests.emulator.target import Target

BAD_URI = "AppEngineHttpRequest.relativeUri must begin with '/' and have no spaces."
AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"


def task(name: str = "t", deadline: timedelta | None = None, **fields: Any) -> Task:
    return Task(
        name=f"{QUEUE}/tasks/{name}",
        app_engine_http_request=AppEngineHttpRequest(**fields),
        dispatch_deadline=deadline,
    )


@pytest.fixture
async def app(running: Running, clock: VirtualClock, target: Target) -> AsyncIterator[CloudTasksAsyncClient]:
    """The client of an emulator whose App Engine tasks go to a host."""
    settings = TasksSettings(app_engine_url="http://app.test:8080/")
    async with (
        running(clock=clock, sender=target, queues=[queue()], tasks=settings) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        yield client


async def test_what_is_stored_of_a_request_with_a_body(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    created = await client.create_task(
        request={
            "parent": QUEUE,
            "task": task(body=b"abc", headers={"Host": "h", "X-AppEngine-X": "1", "x-mine": "1"}),
            "response_view": "FULL",
        }
    )
    assert created.app_engine_http_request == AppEngineHttpRequest(
        http_method="POST",
        relative_uri="/",
        headers={
            "x-mine": "1",
            "User-Agent": AGENT,
            "Content-Type": "application/octet-stream",
            "Content-Length": "3",
        },
        body=b"abc",
        app_engine_routing={"host": "sidelane-local.appspot.com"},
    )
    assert created.dispatch_deadline == timedelta(minutes=10)
    basic = await client.get_task(name=created.name)
    assert basic.app_engine_http_request.body == b""
    assert basic.app_engine_http_request.headers == created.app_engine_http_request.headers


async def test_what_is_stored_of_one_without(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    created = await client.create_task(
        parent=QUEUE, task=task(http_method="GET", relative_uri="/a?b=1", headers={"user-agent": "mine"})
    )
    assert dict(created.app_engine_http_request.headers) == {"User-Agent": f"mine {AGENT}"}


async def test_a_type_of_the_caller_stays(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    created = await client.create_task(
        parent=QUEUE, task=task(body=b"{}", headers={"content-type": "application/json"})
    )
    headers = created.app_engine_http_request.headers
    assert headers["content-type"] == "application/json"
    assert "Content-Type" not in headers


async def test_the_host_is_made_of_the_routing_and_the_queue_has_the_last_word(
    client: CloudTasksAsyncClient,
) -> None:
    await client.pause_queue(name=QUEUE)
    routing = {"service": "s", "version": "v", "instance": "i", "host": "mine"}
    created = await client.create_task(parent=QUEUE, task=task(app_engine_routing=routing))
    assert created.app_engine_http_request.app_engine_routing.host == "i.v.s.sidelane-local.appspot.com"
    override = {"service": "other", "host": "mine"}
    updated = await client.update_queue(queue=queue(app_engine_routing_override=override))
    assert updated.app_engine_routing_override.host == "other.sidelane-local.appspot.com"
    created = await client.create_task(parent=QUEUE, task=task("u", app_engine_routing=routing))
    assert created.app_engine_http_request.app_engine_routing == updated.app_engine_routing_override


async def test_the_host_of_a_project_of_a_domain(client: CloudTasksAsyncClient) -> None:
    location = "projects/example.com:proj/locations/l"
    given = Queue(name=f"{location}/queues/q", app_engine_routing_override={"service": "s"})
    created = await client.create_queue(parent=location, queue=given)
    assert created.app_engine_routing_override.host == "s.proj.example.com.appspot.com"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (task(relative_uri="x"), "AppEngineHttpRequest.relativeUri must begin with '/' and have no spaces."),
        (
            task(relative_uri="/a b"),
            "AppEngineHttpRequest.relativeUri must begin with '/' and have no spaces.",
        ),
        (
            task(relative_uri="/" + "a" * 2083),
            "AppEngineHttpRequest.relativeUri must be at most 2083 characters.",
        ),
        (
            task(http_method="PATCH", body=b"x"),
            "AppEngineHttpRequest.body is allowed only if the HTTP method is POST or PUT.",
        ),
        (task(http_method=99), "AppEngineHttpRequest.httpMethod 99 is unknown."),
        (task(deadline=timedelta(seconds=14)), "Task.dispatchDeadline must be between [15s, 24h15s]."),
        (task(deadline=timedelta(seconds=86_416)), "Task.dispatchDeadline must be between [15s, 24h15s]."),
        (task(body=b"x" * 2**20), "Task size too large"),
    ],
)
async def test_what_is_refused(client: CloudTasksAsyncClient, given: Task, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await client.create_task(parent=QUEUE, task=given)
    assert caught.value.message == message


@pytest.mark.parametrize(("asked", "kept"), [(0, 600), (15, 15), (86_415, 86_415)])
async def test_deadlines(client: CloudTasksAsyncClient, asked: int, kept: int) -> None:
    await client.pause_queue(name=QUEUE)
    created = await client.create_task(parent=QUEUE, task=task(deadline=timedelta(seconds=asked)))
    assert created.dispatch_deadline == timedelta(seconds=kept)


async def test_the_size_law_holds_for_both_kinds(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    probe = await client.create_task(
        request={"parent": QUEUE, "task": task("t-0", body=b"x" * 1_000_000), "response_view": "FULL"}
    )
    stored = Task(probe)
    Task.pb(stored).ClearField("view")
    room = 1_048_569 - len(Task.serialize(stored))
    await client.create_task(parent=QUEUE, task=task("t-1", body=b"x" * (1_000_000 + room)))
    with pytest.raises(InvalidArgument, match="Task size too large"):
        await client.create_task(parent=QUEUE, task=task("t-2", body=b"x" * (1_000_001 + room)))


async def test_the_captured_run(app: CloudTasksAsyncClient, clock: VirtualClock, target: Target) -> None:
    target.will_answer([503, 404, 302, Failure(FailureReason.TIMEOUT, "too slow")])
    begin = clock.now()
    await app.create_task(parent=QUEUE, task=task(body=b"abc", relative_uri="/work?x=1"))
    for attempt in range(1, 5):
        await target.received(attempt)
        clock.advance_to(await clock.wait_for_timer(by=clock.now() + 10))
    requests = await target.received(5)
    assert requests[0].method == "POST"
    assert {request.url for request in requests} == {"http://app.test:8080/work?x=1"}
    assert requests[0].body == b"abc"
    assert requests[0].headers == {
        "User-Agent": AGENT,
        "Content-Type": "application/octet-stream",
        "X-AppEngine-QueueName": "webhooks",
        "X-AppEngine-TaskName": "t",
        "X-AppEngine-TaskETA": f"{begin:.6f}",
        "X-AppEngine-TaskRetryCount": "0",
        "X-AppEngine-TaskExecutionCount": "0",
    }
    names = ("RetryCount", "ExecutionCount", "PreviousResponse", "RetryReason")
    told = [tuple(request.headers[f"X-AppEngine-Task{name}"] for name in names) for request in requests[1:]]
    assert told == [
        ("1", "1", "503", "App Error"),
        ("2", "2", "404", "App Error"),
        ("3", "3", "302", "App Error"),
        ("4", "3", "0", "Instance Unavailable"),
    ]


async def test_a_timeout_reads_as_such(
    app: CloudTasksAsyncClient, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([Failure(FailureReason.TIMEOUT, "too slow")])
    name = (await app.create_task(parent=QUEUE, task=task())).name
    await target.received(1)
    await clock.wait_for_timer(by=clock.now() + 1)
    failed = await app.get_task(name=name)
    assert (failed.dispatch_count, failed.response_count) == (1, 0)
    assert failed.last_attempt.response_status.code == 4


async def test_without_a_host_an_attempt_fails_and_says_which_setting_is_missing(
    client: CloudTasksAsyncClient, clock: VirtualClock, caplog: pytest.LogCaptureFixture, target: Target
) -> None:
    caplog.set_level("INFO")
    name = (await client.create_task(parent=QUEUE, task=task())).name
    await clock.wait_for_timer(by=clock.now() + 1)
    failed = await client.get_task(name=name)
    assert (failed.dispatch_count, failed.response_count) == (1, 0)
    assert "set TasksSettings.app_engine_url" in caplog.text
    assert target.requests == []


async def test_a_queue_override_is_updated_by_mask(client: CloudTasksAsyncClient) -> None:
    override = {"service": "a", "version": "v"}
    given = Queue(name=f"{LOCATION}/queues/new", app_engine_routing_override=override)
    await client.create_queue(parent=LOCATION, queue=given)
    given.app_engine_routing_override.service = "b"
    updated = await client.update_queue(
        queue=given, update_mask=FieldMask(paths=["app_engine_routing_override.service"])
    )
    assert updated.app_engine_routing_override.host == "v.b.sidelane-local.appspot.com"
