"""Waiting until everything is done: in real time, and in virtual time where hours take no time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, RetryConfig
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.pubsub_v1 import types

from emulator import (
    Clock,
    Emulator,
    Faults,
    NotIdleError,
    SystemClock,
    VirtualClock,
    cloud_tasks_client,
    publisher_client,
)
from tests.emulator.running import OTHER_QUEUE, QUEUE, queue, task
from tests.emulator.target import Target

HOURLY = RetryConfig(min_backoff=Duration(seconds=3600), max_backoff=Duration(seconds=3600), max_attempts=100)
TOPIC, SUBSCRIPTION = "projects/p/topics/news", "projects/p/subscriptions/pushed"


class Running:
    """An emulator with a scripted target and a client."""

    def __init__(self, clock: Clock, **options: Any) -> None:
        self.clock = clock
        self.target = Target(clock)
        self.emulator = Emulator(
            queues=[queue(retry_config=HOURLY), queue(OTHER_QUEUE)],
            clock=clock,
            sender=self.target,
            **options,
        )

    async def open(self) -> CloudTasksAsyncClient:
        await self.emulator.open()
        self.client = await cloud_tasks_client(self.emulator.channel)
        return self.client


@pytest.fixture
async def virtual() -> AsyncIterator[Running]:
    running = Running(VirtualClock())
    await running.open()
    yield running
    await running.emulator.aclose()


@pytest.fixture
async def real() -> AsyncIterator[Running]:
    running = Running(SystemClock())
    await running.open()
    yield running
    await running.target.release()
    await running.emulator.aclose()


async def test_a_day_of_retries_takes_no_time_on_a_virtual_clock(virtual: Running) -> None:
    virtual.target.will_answer([500] * 24)
    begin, began = virtual.clock.now(), time.monotonic()
    await virtual.client.create_task(parent=QUEUE, task=task("t"))
    await virtual.emulator.drain()
    assert len(virtual.target.requests) == 25
    assert virtual.clock.now() == pytest.approx(begin + 24 * 3600)
    assert time.monotonic() - began < 5


async def test_a_task_of_next_week_goes_next_week(virtual: Running) -> None:
    due = virtual.clock.now() + 7 * 24 * 3600
    later = task()
    later.schedule_time = Timestamp(seconds=int(due))
    await virtual.client.create_task(parent=QUEUE, task=task())
    await virtual.client.create_task(parent=OTHER_QUEUE, task=later)
    await virtual.emulator.drain()
    assert len(virtual.target.times) == 2
    assert virtual.target.times[-1] == int(due)


async def test_an_idle_emulator_is_drained_at_once(virtual: Running, real: Running) -> None:
    before = virtual.clock.now()
    for timeout in (5, 0):
        await virtual.emulator.drain(timeout=timeout)
        await real.emulator.drain(timeout=timeout)
    assert virtual.clock.now() == before


async def test_what_waits_in_a_paused_queue_does_not_count(virtual: Running, real: Running) -> None:
    for running in (virtual, real):
        await running.client.pause_queue(name=QUEUE)
        await running.client.create_task(parent=QUEUE, task=task("t"))
        await running.emulator.drain(timeout=5)
        assert running.target.requests == []


async def test_what_still_waits_is_named_after_the_timeout(real: Running) -> None:
    real.target.is_holding = True
    await real.client.create_task(parent=QUEUE, task=task("t"))
    await real.target.received(1)
    with pytest.raises(NotIdleError, match=r"not idle after 0.1 s: .*webhooks \(0 waiting, 1 under way\)"):
        await real.emulator.drain(timeout=0.1)
    await real.target.release()
    await real.emulator.drain(timeout=20)


async def test_what_waits_for_its_time_is_named_with_it(real: Running) -> None:
    real.target.will_answer([500])
    await real.client.create_task(parent=QUEUE, task=task("t"))
    with pytest.raises(NotIdleError, match=r"1 waiting, 0 under way\); the next task goes at 20..-..-..T"):
        await real.emulator.drain(timeout=0.2)


async def test_pushes_are_waited_for_and_pulls_are_not(virtual: Running) -> None:
    publisher = await publisher_client(virtual.emulator.channel)
    push = types.PushConfig(push_endpoint="http://push.example/")
    await publisher.create_topic(name=TOPIC)
    await virtual.emulator.pubsub.ensure(
        [],
        [
            types.Subscription(name=SUBSCRIPTION, topic=TOPIC, push_config=push),
            types.Subscription(name=f"{SUBSCRIPTION}-not", topic=TOPIC),
        ],
    )
    virtual.target.will_answer([500, 500, 500])
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"payload")])
    await virtual.emulator.drain()
    assert len(virtual.target.requests) == 4


async def test_faults_of_a_subscription_strike_its_pushes_alone(virtual: Running) -> None:
    publisher = await publisher_client(virtual.emulator.channel)
    await publisher.create_topic(name=TOPIC)
    names = (SUBSCRIPTION, f"{SUBSCRIPTION}-too")
    push = types.PushConfig(push_endpoint="http://push.example/")
    await virtual.emulator.pubsub.ensure(
        [], [types.Subscription(name=name, topic=TOPIC, push_config=push) for name in names]
    )
    virtual.emulator.faults.set(Faults(duplicate=1), SUBSCRIPTION)
    await publisher.publish(topic=TOPIC, messages=[types.PubsubMessage(data=b"payload")])
    await virtual.emulator.drain()
    assert sorted(request.source for request in virtual.target.requests) == [names[0], names[0], names[1]]


async def test_dispatches_that_are_held_back_are_waited_for(virtual: Running) -> None:
    virtual.emulator.faults.set(Faults(delay=60))
    begin = virtual.clock.now()
    await virtual.client.create_task(parent=QUEUE, task=task("t"))
    await virtual.emulator.drain()
    assert virtual.target.times == [begin + 60]


async def test_each_of_many_tasks_is_waited_for(virtual: Running) -> None:
    creates = (virtual.client.create_task(parent=QUEUE, task=task(f"t{number}")) for number in range(50))
    await asyncio.gather(*creates)
    await virtual.emulator.drain()
    assert len(virtual.target.requests) == 50
