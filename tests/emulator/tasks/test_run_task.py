"""RunTask: at once whatever holds the task back, never waiting for the target, never leaving a task stuck."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import pytest
from google.api_core.exceptions import NotFound
from google.cloud.tasks_v2 import CloudTasksAsyncClient, RateLimits, RetryConfig, Task

from emulator import ApiError, VirtualClock
from tests.emulator.running import QUEUE, queue, task
from tests.emulator.target import Target
from tests.emulator.tasks.bench import Bench

NAME = f"{QUEUE}/tasks/t"
TEN_SECONDS = RetryConfig(min_backoff={"seconds": 10}, max_backoff={"seconds": 300}, max_doublings=3)


def in_an_hour(clock: VirtualClock) -> Task:
    return Task(task("t"), schedule_time=datetime.fromtimestamp(clock.now() + 3600, UTC))


async def settled(bench: Bench) -> None:
    """Return once no attempt is under way or being recorded."""
    await bench.dispatcher.aclose(grace=5)


async def test_a_task_of_a_paused_queue_goes_before_its_time_and_is_answered_as_under_way(
    client: CloudTasksAsyncClient, clock: VirtualClock, target: Target
) -> None:
    await client.pause_queue(name=QUEUE)
    created = await client.create_task(parent=QUEUE, task=in_an_hour(clock))
    target.is_holding = True
    answered = await client.run_task(name=NAME)
    await target.received(1)
    now = datetime.fromtimestamp(clock.now(), UTC)
    assert (answered.name, answered.dispatch_count, answered.response_count) == (NAME, 1, 0)
    assert answered.first_attempt.dispatch_time == answered.last_attempt.dispatch_time == now
    assert answered.last_attempt.schedule_time == now
    assert "response_time" not in answered.last_attempt
    assert answered.schedule_time == created.schedule_time
    assert answered.http_request.body == b""
    assert await client.get_task(name=NAME) == answered
    assert (await client.run_task(name=NAME, timeout=20)).dispatch_count == 2  # beside the first
    await target.received(2)
    await target.release()


async def test_a_2xx_deletes_the_task(bench: Bench, target: Target) -> None:
    await bench.ensure(queue())
    await bench.queues.set_paused(QUEUE, True)
    await bench.create("t")
    await bench.tasks.run(NAME, 1)
    await settled(bench)
    assert target.names() == ["t"]
    assert await bench.pending() == []


async def test_a_failure_lets_it_wait_from_the_time_of_the_call(
    bench: Bench, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([500])
    target.is_holding = True
    await bench.ensure(queue(retry_config=TEN_SECONDS))
    await bench.queues.set_paused(QUEUE, True)
    await bench.create("t")
    begin = clock.now()
    await bench.tasks.run(NAME, 1)
    await target.received(1)
    clock.advance(3)
    await bench.queues.set_paused(QUEUE, False)  # the task waits for the end of the forced attempt
    await target.release()
    assert await clock.wait_for_timer() == begin + 10
    row = await bench.tasks.get(NAME, 1)
    assert row.schedule_time.ToMicroseconds() == round((begin + 10) * 1e6)
    assert (row.dispatch_count, row.response_count) == (1, 1)
    clock.advance(10)
    await target.received(2)
    assert target.requests[1].headers["X-CloudTasks-TaskRetryCount"] == "1"


async def test_its_own_schedule_does_not_start_it_while_a_forced_attempt_runs(
    bench: Bench, clock: VirtualClock, target: Target
) -> None:
    target.is_holding = True
    await bench.ensure(queue())
    await bench.tasks.create(QUEUE, Task.pb(in_an_hour(clock)), 1)
    await bench.tasks.run(NAME, 1)
    await target.received(1)
    clock.advance(7200)
    await bench.create("sign")
    await target.received(2)
    await target.release()
    await settled(bench)
    assert target.names() == ["t", "sign"]


async def test_rate_and_concurrency_do_not_hold_it_back(bench: Bench, target: Target) -> None:
    target.is_holding = True
    await bench.ensure(queue(rate_limits=RateLimits(max_concurrent_dispatches=1)))
    await bench.create("first")
    await target.received(1)
    await bench.create("t")
    await bench.tasks.run(NAME, 1)
    await target.received(2)
    assert bench.queues.get(QUEUE).dispatch.statistics().in_flight == 1
    await target.release()


async def test_forced_attempts_are_bounded(bench: Bench, target: Target) -> None:
    target.is_holding = True
    await bench.ensure(queue())
    await bench.queues.set_paused(QUEUE, True)
    await bench.create("t")
    for _ in range(2):
        await bench.tasks.run(NAME, 1)
    with pytest.raises(ApiError, match="2 tasks that RunTask forced are under way") as caught:
        await bench.tasks.run(NAME, 1)
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert bench.dispatcher.statistics().forced_in_flight == 2
    await target.received(2)
    await target.release()
    await settled(bench)
    assert bench.dispatcher.statistics().forced_in_flight == 0


async def test_two_failures_at_once_count_as_two(bench: Bench, clock: VirtualClock, target: Target) -> None:
    target.will_answer([500, 404])
    target.is_holding = True
    await bench.ensure(queue(retry_config=TEN_SECONDS))
    await bench.create("t")
    await target.received(1)
    await bench.tasks.run(NAME, 1)
    _, forced = await target.received(2)
    assert forced.headers["X-CloudTasks-TaskRetryCount"] == "1"
    await target.release()
    again = await clock.wait_for_timer()
    assert again == clock.now() + 20  # two failures
    row = await bench.tasks.get(NAME, 1)
    assert (row.dispatch_count, row.response_count) == (2, 2)
    clock.advance_to(again)
    await target.received(3)
    assert target.requests[2].headers["X-CloudTasks-TaskRetryCount"] == "2"
    assert target.requests[2].headers["X-CloudTasks-TaskExecutionCount"] == "1"


@pytest.mark.parametrize("ends", [[200, 500], [500, 200]])
async def test_a_success_beside_a_failure_ends_the_task(
    bench: Bench, target: Target, ends: list[int]
) -> None:
    target.will_answer(ends)
    target.is_holding = True
    await bench.ensure(queue())
    await bench.create("t")
    await target.received(1)
    await bench.tasks.run(NAME, 1)
    await target.received(2)
    await target.release()
    await settled(bench)
    assert await bench.pending() == []
    assert bench.queues.get(QUEUE).dispatch.statistics().waiting == 0
    assert bench.dispatcher.statistics().completed_total == 1


async def test_a_sender_or_store_that_fails_leaves_the_task_waiting(
    bench: Bench, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([RuntimeError("a bug"), 500])
    await bench.ensure(queue(retry_config=TEN_SECONDS))
    await bench.tasks.create(QUEUE, Task.pb(in_an_hour(clock)), 1)
    await bench.tasks.run(NAME, 1)
    assert await clock.wait_for_timer(by=clock.now() + 60) == clock.now() + 10
    bench.failing.failures = 1
    await bench.tasks.run(NAME, 1)
    await target.received(2)
    clock.advance_to(await clock.wait_for_timer(by=clock.now() + 1))  # the pause after a failure of the store
    await target.received(3)
    await settled(bench)
    assert await bench.pending() == []


async def test_an_attempt_cut_off_in_the_middle_leaves_the_task_waiting(
    bench: Bench, clock: VirtualClock, target: Target
) -> None:
    target.is_holding = True
    await bench.ensure(queue())
    await bench.tasks.create(QUEUE, Task.pb(in_an_hour(clock)), 1)
    await bench.tasks.run(NAME, 1)
    await target.received(1)
    await bench.dispatcher.aclose(grace=0)
    assert target.cancelled == 1
    again = Bench(bench.store, clock, bench.issuer, target)
    await again.queues.open()
    again.queues.start()
    target.is_holding = False
    clock.advance(3600)
    await target.received(2)
    await settled(again)


async def test_what_never_existed_and_what_is_gone_is_not_found(
    client: CloudTasksAsyncClient, target: Target
) -> None:
    with pytest.raises(NotFound, match="Requested entity was not found"):
        await client.run_task(name=NAME)
    await client.pause_queue(name=QUEUE)
    await client.create_task(parent=QUEUE, task=task("t"))
    await client.delete_task(name=NAME)
    with pytest.raises(NotFound, match="The task no longer exists, though a task with this name existed"):
        await client.run_task(name=NAME)
    assert target.requests == []
