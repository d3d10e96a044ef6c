"""UpdateQueue by the unmodified async client: masks, what they leave alone, and queues that are missing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue, RateLimits, RetryConfig
from google.protobuf.field_mask_pb2 import FieldMask

from emulator import VirtualClock
from tests.emulator.running import LOCATION, QUEUE, task
from tests.emulator.target import Target

NEW = f"{LOCATION}/queues/new"
GIVEN = Queue(
    name=QUEUE,
    state=Queue.State.PAUSED,
    rate_limits=RateLimits(max_dispatches_per_second=7, max_burst_size=3, max_concurrent_dispatches=9),
    retry_config=RetryConfig(max_attempts=5, min_backoff=timedelta(seconds=2)),
)


async def update(client: CloudTasksAsyncClient, queue: Queue, *paths: str) -> Queue:
    return await client.update_queue(queue=queue, update_mask=FieldMask(paths=paths))


@pytest.mark.parametrize(
    ("paths", "rate", "concurrent", "attempts"),
    [
        ((), 7, 9, 5),
        (("rate_limits",), 7, 9, 100),
        (("rateLimits",), 7, 9, 100),
        (("rate_limits.max_dispatches_per_second",), 7, 1000, 100),
        (("rateLimits.maxConcurrentDispatches", "retryConfig.maxAttempts"), 500, 9, 5),
        (("retry_config",), 500, 1000, 5),
        (("state", "name", "rate_limits.max_burst_size"), 500, 1000, 100),
    ],
)
async def test_a_mask_says_what_changes(
    client: CloudTasksAsyncClient, paths: tuple[str, ...], rate: float, concurrent: int, attempts: int
) -> None:
    updated = await update(client, GIVEN, *paths)
    limits = updated.rate_limits
    assert (limits.max_dispatches_per_second, limits.max_concurrent_dispatches) == (rate, concurrent)
    assert limits.max_burst_size == 100
    assert updated.retry_config.max_attempts == attempts
    assert updated.state == Queue.State.RUNNING
    assert await client.get_queue(name=QUEUE) == updated


async def test_a_masked_field_that_is_not_given_goes_back_to_its_default(
    client: CloudTasksAsyncClient,
) -> None:
    await update(client, GIVEN)
    updated = await update(client, Queue(name=QUEUE), "rate_limits.max_dispatches_per_second")
    assert updated.rate_limits.max_dispatches_per_second == 500
    assert updated.rate_limits.max_concurrent_dispatches == 9
    assert (await update(client, Queue(name=QUEUE))).retry_config.max_attempts == 100


async def test_a_paused_queue_stays_paused_and_keeps_its_purge_time(client: CloudTasksAsyncClient) -> None:
    purged = await client.purge_queue(name=QUEUE)
    await client.pause_queue(name=QUEUE)
    updated = await update(client, GIVEN, "rate_limits")
    assert (updated.state, updated.purge_time) == (Queue.State.PAUSED, purged.purge_time)


async def test_a_missing_queue_is_created(client: CloudTasksAsyncClient) -> None:
    created = await update(client, Queue(name=NEW, rate_limits=RateLimits(max_dispatches_per_second=3)))
    assert created.state == Queue.State.RUNNING
    assert created.rate_limits.max_dispatches_per_second == 3
    assert created.retry_config.max_attempts == 100
    assert await client.get_queue(name=NEW) == created


async def test_a_new_rate_counts_at_once(
    client: CloudTasksAsyncClient, target: Target, clock: VirtualClock
) -> None:
    limited = Queue(name=QUEUE, rate_limits=RateLimits(max_concurrent_dispatches=1))
    await update(client, limited, "rate_limits.max_concurrent_dispatches")
    target.is_holding = True
    for number in range(3):
        await client.create_task(parent=QUEUE, task=task(f"t{number}"))
    await target.received(1)
    assert len(target.requests) == 1
    await update(client, Queue(name=QUEUE), "rate_limits.max_concurrent_dispatches")
    assert len(await target.received(3)) == 3
    await target.release()


@pytest.mark.parametrize(
    ("queue", "paths", "complaint"),
    [
        (GIVEN, ("rate_limit",), "'rate_limit' is no field of a Queue"),
        (GIVEN, ("rate_limits.burst",), "'rate_limits.burst' is no field of a Queue"),
        (
            Queue(name=QUEUE, rate_limits=RateLimits(max_dispatches_per_second=501)),
            ("rate_limits",),
            "must be less than or equal to 500",
        ),
        (
            Queue(name=QUEUE, retry_config=RetryConfig(min_backoff=timedelta(hours=2))),
            ("retry_config.min_backoff",),
            "minBackoff must be less than or equal to RetryConfig.maxBackoff",
        ),
        (Queue(name="queues/short"), (), "Queue name must be formatted"),
    ],
)
async def test_a_bad_update_changes_nothing(
    client: CloudTasksAsyncClient, queue: Queue, paths: tuple[str, ...], complaint: str
) -> None:
    before = await client.get_queue(name=QUEUE)
    with pytest.raises(InvalidArgument, match=complaint):
        await update(client, queue, *paths)
    assert await client.get_queue(name=QUEUE) == before


async def test_a_tasks_own_backoff_is_bounded_by_a_queue_that_changed(
    client: CloudTasksAsyncClient, target: Target, clock: VirtualClock
) -> None:
    target.will_answer([500])
    await client.pause_queue(name=QUEUE)
    given = task("t")
    given.retry_config = RetryConfig(min_backoff=timedelta(seconds=90))
    await client.create_task(parent=QUEUE, task=given)
    shorter = Queue(name=QUEUE, retry_config=RetryConfig(max_backoff=timedelta(seconds=20)))
    await update(client, shorter, "retry_config.max_backoff")
    await client.resume_queue(name=QUEUE)
    await target.received(1)
    clock.advance_to(await clock.wait_for_timer(by=clock.now() + 20))
    await target.received(2)
    assert target.times[1] - target.times[0] == 20
