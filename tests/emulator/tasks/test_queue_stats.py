"""How a queue is doing, told and as metrics; and the throttling that the effective rate shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from google.cloud.tasks_v2 import Queue, RateLimits, RetryConfig, Task

from emulator import ApiError, Response, TasksSettings, VirtualClock
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks import QueueStats, TasksService
from tests.emulator.running import OTHER_QUEUE, QUEUE, Running, queue, task, tasks_client
from tests.emulator.target import Target

TEN_SECONDS = RetryConfig(min_backoff={"seconds": 10}, max_backoff={"seconds": 10})


@pytest.fixture
async def throttling(
    store: Store, clock: VirtualClock, issuer: TokenIssuer, target: Target
) -> AsyncIterator[TasksService]:
    settings = TasksSettings(throttling=True)
    service = TasksService(store, clock=clock, issuer=issuer, sender=target, settings=settings)
    limits = RateLimits(max_dispatches_per_second=10)
    await service.open([Queue.pb(queue(rate_limits=limits, retry_config=TEN_SECONDS))])
    yield service
    await service.aclose()


async def create(service: TasksService, made: Task) -> None:
    await service._api._tasks.create(QUEUE, Task.pb(made), 1)


async def run(service: TasksService, name: str) -> None:
    await service._api._tasks.run(f"{QUEUE}/tasks/{name}", 1)


async def test_what_a_queue_tells(service: TasksService, clock: VirtualClock, target: Target) -> None:
    due = clock.now() + 60
    idle = QueueStats(
        tasks_count=0,
        oldest_estimated_arrival_time=None,
        executed_last_minute_count=0,
        concurrent_dispatches_count=0,
        effective_execution_rate=500,
    )
    assert service.queue_stats(QUEUE) == idle
    target.is_holding = True
    for name in ("a", "b"):
        await create(service, task(name))
    await create(service, Task(task("later"), schedule_time=datetime.fromtimestamp(due, UTC)))
    await target.received(2)
    assert service.queue_stats(QUEUE) == QueueStats(
        tasks_count=3,
        oldest_estimated_arrival_time=due,
        executed_last_minute_count=0,
        concurrent_dispatches_count=2,
        effective_execution_rate=500,
    )
    await run(service, "later")
    await target.received(3)
    assert service.queue_stats(QUEUE).concurrent_dispatches_count == 3
    await target.release()
    await service.drained()
    assert service.queue_stats(QUEUE).executed_last_minute_count == 3
    assert service.queue_stats(QUEUE).tasks_count == 0
    clock.advance(61)
    assert service.queue_stats(QUEUE) == idle
    with pytest.raises(ApiError, match="Queue does not exist"):
        service.queue_stats(f"{QUEUE}-unknown")


async def test_figures_of_each_queue_are_metrics(running: Running, target: Target) -> None:
    async with (
        running(sender=target, queues=[queue(), queue(OTHER_QUEUE)]) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
        httpx.AsyncClient(base_url=f"http://{emulator.addresses.http}") as http,
    ):
        await client.pause_queue(name=QUEUE)
        await client.create_task(parent=QUEUE, task=task("t"))
        text = (await http.get("/metrics")).text
    assert f'sidelane_emulator_queue_tasks_count{{queue="{QUEUE}"}} 1.0' in text
    assert f'sidelane_emulator_queue_tasks_count{{queue="{OTHER_QUEUE}"}} 0.0' in text
    assert f'sidelane_emulator_queue_effective_execution_rate{{queue="{QUEUE}"}} 500.0' in text
    assert f'sidelane_emulator_queue_oldest_estimated_arrival_time{{queue="{QUEUE}"}}' in text
    assert f'sidelane_emulator_queue_oldest_estimated_arrival_time{{queue="{OTHER_QUEUE}"}}' not in text


@pytest.mark.parametrize("status", [429, 503])
async def test_a_target_that_is_overloaded_slows_its_queue_and_holds_its_task_back(
    throttling: TasksService, clock: VirtualClock, target: Target, status: int
) -> None:
    target.will_answer([Response(status, retry_after=25)])
    begin = clock.now()
    await create(throttling, task("t"))
    assert await clock.wait_for_timer(by=begin + 50) == begin + 25  # not 10
    assert throttling.queue_stats(QUEUE).effective_execution_rate == 5
    stored = throttling._queues.get(QUEUE).message.rate_limits
    assert stored.max_dispatches_per_second == 10
    clock.advance(25)
    await target.received(2)
    assert throttling.queue_stats(QUEUE).effective_execution_rate == 10


async def test_another_failure_slows_nothing(
    throttling: TasksService, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([Response(500, retry_after=25)])
    begin = clock.now()
    await create(throttling, task("t"))
    assert await clock.wait_for_timer(by=begin + 50) == begin + 10
    assert throttling.queue_stats(QUEUE).effective_execution_rate == 10


async def test_without_the_switch_nothing_is_slowed(
    service: TasksService, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([Response(503, retry_after=25)])
    begin = clock.now()
    made = task("t")
    made.retry_config = TEN_SECONDS
    await create(service, made)
    assert await clock.wait_for_timer(by=begin + 50) == begin + 10
    assert service.queue_stats(QUEUE).effective_execution_rate == 500
