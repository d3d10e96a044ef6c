"""The calls on tasks, by the unmodified async client."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import AlreadyExists, InvalidArgument, NotFound
from google.cloud.tasks_v2 import CloudTasksAsyncClient, HttpMethod, HttpRequest, Task

from emulator import TasksSettings, VirtualClock
from tests.emulator.running import OTHER_QUEUE, QUEUE, URL, Running, queue, task, tasks_client
from tests.emulator.target import Target


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def test_a_created_task_is_answered_with_its_defaults_and_without_its_body(
    client: CloudTasksAsyncClient, clock: VirtualClock
) -> None:
    clock.advance(0.123456)
    created = await client.create_task(
        parent=QUEUE,
        task=task(
            body=b"secret", headers={"content-type": "text/plain", "Host": "evil", "X-CloudTasks-X": "1"}
        ),
    )
    queue_name, _, task_id = created.name.partition("/tasks/")
    assert queue_name == QUEUE
    assert task_id.isdecimal()
    assert created == Task(
        name=created.name,
        http_request=HttpRequest(
            url=URL,
            http_method=HttpMethod.POST,
            headers={"content-type": "text/plain", "User-Agent": "Google-Cloud-Tasks"},
        ),
        schedule_time=moment(clock.now()),
        create_time=moment(int(clock.now())),
        dispatch_deadline=timedelta(minutes=10),
        view=Task.View.BASIC,
    )


async def test_the_full_view_has_the_body(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    created = await client.create_task(
        request={"parent": QUEUE, "task": task("t", body=b"secret"), "response_view": Task.View.FULL}
    )
    assert created.http_request.body == b"secret"
    assert created.view == Task.View.FULL
    name = created.name
    assert await client.get_task(request={"name": name, "response_view": Task.View.FULL}) == created
    basic = await client.get_task(name=name)
    assert basic.http_request.body == b""
    assert basic.view == Task.View.BASIC


async def test_output_only_fields_of_the_caller_are_ignored(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    given = Task(task("t"), dispatch_count=7, response_count=7, view=Task.View.FULL, create_time=moment(1))
    created = await client.create_task(parent=QUEUE, task=given)
    assert (created.dispatch_count, created.response_count) == (0, 0)
    assert created.view == Task.View.BASIC
    assert created.create_time != moment(1)


async def test_a_past_schedule_time_is_now_and_a_future_one_is_kept(
    client: CloudTasksAsyncClient, clock: VirtualClock, target: Target
) -> None:
    past = await client.create_task(parent=QUEUE, task=Task(task("past"), schedule_time=moment(1)))
    assert past.schedule_time == moment(clock.now())
    later = moment(clock.now() + 90.000001)
    future = await client.create_task(parent=QUEUE, task=Task(task("future"), schedule_time=later))
    assert future.schedule_time == later
    await target.received(1)
    clock.advance(90)
    await client.create_task(parent=QUEUE, task=task("sign"))
    await target.received(2)
    clock.advance(1)
    await target.received(3)
    assert target.names() == ["past", "sign", "future"]


async def test_a_deadline_is_kept_in_whole_milliseconds(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    given = Task(task("t"), dispatch_deadline=timedelta(seconds=15.001999))
    created = await client.create_task(parent=QUEUE, task=given)
    assert created.dispatch_deadline == timedelta(seconds=15.001)


async def test_tasks_are_listed_in_pages(client: CloudTasksAsyncClient) -> None:
    await client.pause_queue(name=QUEUE)
    names = [
        (await client.create_task(parent=QUEUE, task=task(f"t-{number}", body=b"x"))).name
        for number in range(5)
    ]
    await client.pause_queue(name=OTHER_QUEUE)
    await client.create_task(parent=OTHER_QUEUE, task=task(f"{OTHER_QUEUE}/tasks/t"))
    pager = await client.list_tasks(request={"parent": QUEUE, "page_size": 2})
    pages = [[(found.name, found.http_request.body) for found in page.tasks] async for page in pager.pages]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [found for page in pages for found in page] == [(name, b"") for name in names]


async def test_a_page_of_large_tasks_stays_under_the_limit_of_a_message(
    client: CloudTasksAsyncClient,
) -> None:
    await client.pause_queue(name=QUEUE)
    for number in range(5):
        await client.create_task(parent=QUEUE, task=task(f"t-{number}", body=b"x" * 1_000_000))
    request = {"parent": QUEUE, "response_view": Task.View.FULL}
    listed = [found.http_request.body async for found in await client.list_tasks(request=request)]
    assert listed == [b"x" * 1_000_000] * 5


async def test_a_deleted_task_never_goes_and_its_name_stays_taken(
    client: CloudTasksAsyncClient, clock: VirtualClock, target: Target
) -> None:
    later = moment(clock.now() + 60)
    created = await client.create_task(parent=QUEUE, task=Task(task("t"), schedule_time=later))
    await client.delete_task(name=created.name)
    for call in (client.get_task, client.delete_task):
        with pytest.raises(NotFound) as caught:
            await call(name=created.name)
        assert caught.value.message == (
            "The task no longer exists, though a task with this name existed recently. "
            "The task either successfully completed or was deleted."
        )
    clock.advance(61)
    await client.create_task(parent=QUEUE, task=task("sign"))
    await target.received(1)
    assert target.names() == ["sign"]
    with pytest.raises(AlreadyExists, match="existed too recently"):
        await client.create_task(parent=QUEUE, task=task("t"))


async def test_a_name_is_taken_while_the_task_lives_and_for_a_while_after(
    running: Running, clock: VirtualClock, target: Target
) -> None:
    async with (
        running(
            clock=clock, sender=target, queues=[queue()], tasks=TasksSettings(task_tombstone_ttl=100)
        ) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        await client.pause_queue(name=QUEUE)
        await client.create_task(parent=QUEUE, task=task("t"))
        with pytest.raises(AlreadyExists, match="Requested entity already exists"):
            await client.create_task(parent=QUEUE, task=task("t"))
        await client.delete_task(name=f"{QUEUE}/tasks/t")
        clock.advance(99)
        with pytest.raises(AlreadyExists, match="a task with this name existed too recently"):
            await client.create_task(parent=QUEUE, task=task("t"))
        clock.advance(1)
        with pytest.raises(NotFound, match="Requested entity was not found"):
            await client.get_task(name=f"{QUEUE}/tasks/t")
        await client.create_task(parent=QUEUE, task=task("t"))
        await client.resume_queue(name=QUEUE)
        await target.received(1)


async def test_of_many_creates_of_one_name_exactly_one_succeeds(
    client: CloudTasksAsyncClient, target: Target
) -> None:
    results = await asyncio.gather(
        *(client.create_task(parent=QUEUE, task=task("t")) for _ in range(20)), return_exceptions=True
    )
    assert len([result for result in results if isinstance(result, Task)]) == 1
    assert len([result for result in results if isinstance(result, AlreadyExists)]) == 19
    await client.create_task(parent=QUEUE, task=task("sign"))
    await target.received(2)
    assert sorted(target.names()) == ["sign", "t"]


async def test_the_size_law_is_applied_to_the_stored_form(client: CloudTasksAsyncClient) -> None:
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


async def test_what_was_acknowledged_survives_a_restart(
    running: Running, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([500])
    async with (
        running(clock=clock, sender=target, queues=[queue()]) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        await client.create_task(parent=QUEUE, task=task("failed", body=b"payload"))
        await target.received(1)
        later = moment(clock.now() + 600)
        await client.create_task(parent=QUEUE, task=Task(task("later"), schedule_time=later))
        await client.create_task(parent=QUEUE, task=task("done"))
        await target.received(2)
    async with (
        running(clock=clock, sender=target, queues=[queue()]) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        failed = await client.get_task(name=f"{QUEUE}/tasks/failed")
        assert (failed.dispatch_count, failed.response_count) == (1, 1)
        assert [found.name async for found in await client.list_tasks(parent=QUEUE)] == [
            f"{QUEUE}/tasks/failed",
            f"{QUEUE}/tasks/later",
        ]
        clock.advance(1)
        request = (await target.received(3))[2]
        assert request.body == b"payload"
        assert request.headers["X-CloudTasks-TaskRetryCount"] == "1"
        assert request.headers["X-CloudTasks-TaskPreviousResponse"] == "500"
        clock.advance(600)
        await target.received(4)
        assert target.names() == ["failed", "done", "failed", "later"]


async def test_a_dispatch_cut_off_by_the_end_goes_again(
    running: Running, clock: VirtualClock, target: Target
) -> None:
    settings = TasksSettings(shutdown_grace=0.01)
    target.is_holding = True
    async with (
        running(clock=clock, sender=target, queues=[queue()], tasks=settings) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        await client.create_task(parent=QUEUE, task=task("t"))
        await target.received(1)
    assert target.cancelled == 1
    await target.release()
    async with running(clock=clock, sender=target, queues=[queue()]):
        await target.received(2)
    assert target.names() == ["t", "t"]
    assert target.requests[1].headers["X-CloudTasks-TaskRetryCount"] == "0"


async def test_get_task_tells_of_the_attempt_under_way_and_of_the_last_one(
    client: CloudTasksAsyncClient, clock: VirtualClock, target: Target
) -> None:
    begin = clock.now()
    target.will_answer([404])
    target.is_holding = True
    name = (await client.create_task(parent=QUEUE, task=task("t"))).name
    await target.received(1)
    under_way = await client.get_task(name=name)
    assert (under_way.dispatch_count, under_way.response_count) == (1, 0)
    assert under_way.first_attempt.dispatch_time == moment(begin)
    assert under_way.last_attempt.dispatch_time == moment(begin)
    assert "response_time" not in under_way.last_attempt

    clock.advance(5)
    await target.release()
    await clock.wait_for_timer(by=begin + 6)
    ended = await client.get_task(name=name)
    assert (ended.dispatch_count, ended.response_count) == (1, 1)
    assert ended.schedule_time == moment(begin + 5.1)
    assert ended.first_attempt.dispatch_time == moment(begin)
    assert ended.last_attempt.schedule_time == moment(begin)
    assert ended.last_attempt.response_time == moment(begin + 5)
    assert ended.last_attempt.response_status.code == 5
    assert ended.last_attempt.response_status.message == "NOT_FOUND(5): HTTP status code 404"
