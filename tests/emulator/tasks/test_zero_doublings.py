"""A max_doublings of 0: meant where a request says so, the default where it leaves the field out."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue, RetryConfig
from google.protobuf.field_mask_pb2 import FieldMask

from emulator import VirtualClock
from emulator.tasks.queue_resource import checked_queue
from emulator.tasks.queue_update import updated_queue
from tests.emulator.running import LOCATION, QUEUE, Running, queue, task, tasks_client
from tests.emulator.target import Target

ZERO = queue(retry_config=RetryConfig(max_doublings=0))
LEAF = "retry_config.max_doublings"


def doublings(
    paths: Collection[str], explicit: Collection[str] | None, *, given: Queue = ZERO, existing: int = 5
) -> int:
    before = checked_queue(
        Queue.pb(queue(retry_config=RetryConfig(max_doublings=existing))), zero_doublings=existing == 0
    )
    after = updated_queue(before, Queue.pb(given), tuple(paths), explicit=explicit)
    return int(after.retry_config.max_doublings)


@pytest.mark.parametrize(
    ("paths", "explicit", "expected"),
    [
        ((LEAF,), None, 0),
        (("retryConfig.maxDoublings",), None, 0),
        (("retry_config",), None, 16),
        ((), None, 16),
        (("rate_limits",), None, 5),
        ((LEAF,), {LEAF}, 0),
        (("retry_config",), {LEAF}, 0),
        ((), {LEAF}, 0),
        ((LEAF,), (), 16),
        (("retry_config",), (), 16),
        ((), (), 16),
        (("rate_limits",), {LEAF}, 5),
    ],
)
def test_when_a_zero_is_meant(
    paths: Collection[str], explicit: Collection[str] | None, expected: int
) -> None:
    assert doublings(paths, explicit) == expected


def test_a_mask_without_the_block_is_the_default_again() -> None:
    assert doublings((LEAF,), None, given=queue()) == 16


def test_a_zero_stays_while_other_fields_change() -> None:
    assert doublings(("retry_config.max_attempts",), None, existing=0) == 0
    assert doublings(("rate_limits",), (), existing=0) == 0


async def test_over_grpc_a_new_queue_gets_the_default(client: CloudTasksAsyncClient) -> None:
    given = Queue(name=f"{LOCATION}/queues/new", retry_config=RetryConfig(max_doublings=0))
    created = await client.create_queue(parent=LOCATION, queue=given)
    assert created.retry_config.max_doublings == 16


async def test_an_update_that_creates_may_say_zero(client: CloudTasksAsyncClient) -> None:
    given = Queue(name=f"{LOCATION}/queues/new", retry_config=RetryConfig(max_doublings=0))
    created = await client.update_queue(queue=given, update_mask=FieldMask(paths=[LEAF]))
    assert created.retry_config.max_doublings == 0
    assert created.retry_config.max_attempts == 100


async def test_a_zero_survives_a_restart_and_grows_the_wait_by_steps(
    running: Running, clock: VirtualClock, target: Target
) -> None:
    async with (
        running(clock=clock, sender=target) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        retry = RetryConfig(min_backoff={"seconds": 10})
        await client.create_queue(parent=LOCATION, queue=queue(retry_config=retry))
        await client.update_queue(queue=ZERO, update_mask=FieldMask(paths=[LEAF]))
    async with (
        running(clock=clock, sender=target) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        assert (await client.get_queue(name=QUEUE)).retry_config.max_doublings == 0
        target.will_answer([500] * 3)
        own = task("t")
        own.retry_config = RetryConfig(max_attempts=50)  # the rest is the queue's
        await client.create_task(parent=QUEUE, task=own)
        for attempt in range(1, 5):
            await target.received(attempt)
            if attempt < 4:
                clock.advance_to(await clock.wait_for_timer(by=clock.now() + 40))
    waits = [later - earlier for earlier, later in zip(target.times, target.times[1:], strict=False)]
    assert [round(wait) for wait in waits] == [10, 20, 30]


async def test_zero_attempts_are_the_default(client: CloudTasksAsyncClient) -> None:
    paths = ["retry_config.max_attempts"]
    updated = await client.update_queue(queue=ZERO, update_mask=FieldMask(paths=paths))
    assert updated.retry_config.max_attempts == 100
