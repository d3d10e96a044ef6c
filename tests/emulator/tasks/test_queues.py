"""The calls on queues, by the unmodified async client."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue, RateLimits, RetryConfig, Task
from google.cloud.tasks_v2.types import StackdriverLoggingConfig

from emulator import TasksSettings, VirtualClock
from tests.emulator.running import LOCATION, OTHER_QUEUE, QUEUE, Running, queue, task, tasks_client
from tests.emulator.target import Target

NEW = f"{LOCATION}/queues/new"


async def test_a_queue_answers_with_its_defaults(client: CloudTasksAsyncClient) -> None:
    created = await client.create_queue(parent=LOCATION, queue=Queue(name=NEW))
    assert created == Queue(
        name=NEW,
        state=Queue.State.RUNNING,
        rate_limits=RateLimits(
            max_dispatches_per_second=500, max_burst_size=100, max_concurrent_dispatches=1000
        ),
        retry_config=RetryConfig(
            max_attempts=100,
            min_backoff=timedelta(milliseconds=100),
            max_backoff=timedelta(hours=1),
            max_doublings=16,
        ),
    )
    assert await client.get_queue(name=NEW) == created


async def test_a_queue_keeps_what_it_was_given_and_ignores_output_only_fields(
    client: CloudTasksAsyncClient,
) -> None:
    given = Queue(
        name=NEW,
        state=Queue.State.PAUSED,
        rate_limits=RateLimits(max_dispatches_per_second=0.1, max_burst_size=-5, max_concurrent_dispatches=7),
        retry_config=RetryConfig(
            max_attempts=-1,
            max_retry_duration=timedelta(seconds=90.5),
            min_backoff=timedelta(seconds=3.5),
            max_backoff=timedelta(seconds=7),
            max_doublings=2,
        ),
        stackdriver_logging_config=StackdriverLoggingConfig(sampling_ratio=0.5),
    )
    created = await client.create_queue(parent=LOCATION, queue=given)
    assert created.state == Queue.State.RUNNING
    assert created.rate_limits.max_burst_size == 100
    assert created.rate_limits.max_dispatches_per_second == 0.1
    assert created.retry_config.max_retry_duration == timedelta(seconds=90)
    assert created.retry_config.min_backoff == timedelta(seconds=3.5)
    assert created.retry_config.max_attempts == -1
    assert created.stackdriver_logging_config.sampling_ratio == 0.5


async def test_queues_are_listed_by_name_in_pages(client: CloudTasksAsyncClient) -> None:
    names = [f"{LOCATION}/queues/q-{number}" for number in range(5)]
    for name in reversed(names):
        await client.create_queue(parent=LOCATION, queue=Queue(name=name))
    await client.create_queue(parent=LOCATION + "x", queue=Queue(name=f"{LOCATION}x/queues/elsewhere"))
    pages = await client.list_queues(request={"parent": LOCATION, "page_size": 3})
    listed = [[found.name for found in page.queues] async for page in pages.pages]
    assert listed == [[OTHER_QUEUE, *names[:2]], names[2:], [QUEUE]]


async def test_a_paused_queue_dispatches_nothing_of_its_backlog_until_it_is_resumed(
    client: CloudTasksAsyncClient, target: Target, clock: VirtualClock
) -> None:
    later = clock.now() + 60
    for number in range(20):
        await client.create_task(
            parent=QUEUE,
            task=task(f"t-{number}") if number % 2 else _scheduled(f"t-{number}", later),
        )
    await target.received(10)
    assert (await client.pause_queue(name=QUEUE)).state == Queue.State.PAUSED
    await client.create_task(parent=QUEUE, task=task("added-while-paused"))
    clock.advance(3600)
    await client.create_task(parent=OTHER_QUEUE, task=task(f"{OTHER_QUEUE}/tasks/sign"))
    await target.received(11)
    assert target.names()[10:] == ["sign"]
    assert len([found async for found in await client.list_tasks(parent=QUEUE)]) == 11

    assert (await client.resume_queue(name=QUEUE)).state == Queue.State.RUNNING
    await target.received(22)
    assert sorted(target.names()[11:]) == sorted(
        ["added-while-paused", *(f"t-{number}" for number in range(0, 20, 2))]
    )


async def test_pausing_and_resuming_twice_is_harmless(client: CloudTasksAsyncClient) -> None:
    for _ in range(2):
        assert (await client.pause_queue(name=QUEUE)).state == Queue.State.PAUSED
    for _ in range(2):
        assert (await client.resume_queue(name=QUEUE)).state == Queue.State.RUNNING


async def test_a_purge_deletes_what_is_there_and_says_when(
    client: CloudTasksAsyncClient, target: Target, clock: VirtualClock
) -> None:
    await client.pause_queue(name=QUEUE)
    for number in range(5):
        await client.create_task(parent=QUEUE, task=task(f"t-{number}"))
    purged = await client.purge_queue(name=QUEUE)
    assert purged.purge_time == datetime.fromtimestamp(clock.now(), UTC)
    assert purged.state == Queue.State.PAUSED
    assert [found async for found in await client.list_tasks(parent=QUEUE)] == []
    with pytest.raises(NotFound, match="The task no longer exists"):
        await client.get_task(name=f"{QUEUE}/tasks/t-1")
    await client.create_task(parent=QUEUE, task=task("after"))
    await client.resume_queue(name=QUEUE)
    await target.received(1)
    assert target.names() == ["after"]


async def test_a_deleted_queue_is_gone_with_its_tasks(
    client: CloudTasksAsyncClient, target: Target, clock: VirtualClock
) -> None:
    await client.create_task(parent=QUEUE, task=_scheduled("later", clock.now() + 10))
    await client.delete_queue(name=QUEUE)
    with pytest.raises(NotFound):
        await client.get_queue(name=QUEUE)
    with pytest.raises(NotFound):
        await client.create_task(parent=QUEUE, task=task())
    await client.create_queue(parent=LOCATION, queue=Queue(name=QUEUE))
    clock.advance(60)
    await client.create_task(parent=QUEUE, task=task("new"))
    await target.received(1)
    assert target.names() == ["new"]


async def test_a_task_created_while_its_queue_is_deleted_is_refused_or_goes_with_it(
    client: CloudTasksAsyncClient,
) -> None:
    await client.pause_queue(name=QUEUE)
    calls = [client.create_task(parent=QUEUE, task=task(f"t-{number}")) for number in range(30)]
    results = await asyncio.gather(
        *calls[:15], client.delete_queue(name=QUEUE), *calls[15:], return_exceptions=True
    )
    for result in results:
        assert result is None or isinstance(result, Task | NotFound)
    await client.create_queue(parent=LOCATION, queue=Queue(name=QUEUE))
    assert [found async for found in await client.list_tasks(parent=QUEUE)] == []


async def test_a_deleted_queue_may_keep_its_name_taken(
    running: Running, clock: VirtualClock, target: Target
) -> None:
    settings = TasksSettings(queue_tombstone_ttl=100)
    async with (
        running(clock=clock, sender=target, queues=[queue()], tasks=settings) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        with pytest.raises(AlreadyExists, match="Queue already exists"):
            await client.create_queue(parent=LOCATION, queue=queue())
        await client.delete_queue(name=QUEUE)
        clock.advance(99)
        with pytest.raises(FailedPrecondition, match="existed too recently"):
            await client.create_queue(parent=LOCATION, queue=queue())
        clock.advance(1)
        await client.create_queue(parent=LOCATION, queue=queue())


async def test_a_start_gives_existing_queues_the_new_settings_and_leaves_them_paused(
    running: Running, clock: VirtualClock, target: Target
) -> None:
    async with (
        running(clock=clock, sender=target, queues=[queue()]) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        await client.pause_queue(name=QUEUE)
        purged = await client.purge_queue(name=QUEUE)
    changed = queue(rate_limits=RateLimits(max_dispatches_per_second=5))
    async with (
        running(clock=clock, sender=target, queues=[changed]) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        found = await client.get_queue(name=QUEUE)
        assert found.rate_limits.max_dispatches_per_second == 5
        assert found.state == Queue.State.PAUSED
        assert found.purge_time == purged.purge_time


def _scheduled(name: str, moment: float) -> Task:
    return Task(task(name), schedule_time=datetime.fromtimestamp(moment, UTC))
