"""The dispatcher on a real database in virtual time: backoff, stop rule, limits, deletions in between."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from google.cloud.tasks_v2 import RateLimits, RetryConfig

from emulator import Failure, FailureReason, VirtualClock
from emulator.oidc import TokenIssuer
from emulator.store import Store
from tests.emulator.running import OTHER_QUEUE, QUEUE, queue
from tests.emulator.target import Target
from tests.emulator.tasks.bench import Bench

WORKED_EXAMPLE = RetryConfig(
    max_attempts=9, min_backoff={"seconds": 10}, max_backoff={"seconds": 300}, max_doublings=3
)


async def test_backoff_from_dispatch_to_dispatch(
    bench: Bench, clock: VirtualClock, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    target.will_answer([500] * 9)
    await bench.ensure(queue(retry_config=WORKED_EXAMPLE))
    await bench.create("t")
    waits = []
    for attempt in range(1, 9):
        await target.received(attempt)
        again = await clock.wait_for_timer()
        waits.append(round(again - target.times[-1], 6))
        clock.advance_to(again)
    assert waits == [10, 20, 40, 80, 160, 240, 300, 300]
    await target.received(9)
    with caplog.at_level(logging.WARNING):
        await bench.dispatcher.aclose(grace=5)
    assert "task t of" in caplog.text
    assert "its attempts (9) are used up, the last one ended with 500" in caplog.text
    assert await bench.pending() == []


async def test_a_task_may_bring_a_retry_of_its_own(bench: Bench, clock: VirtualClock, target: Target) -> None:
    target.will_answer([500] * 3)
    await bench.ensure(queue(retry_config=WORKED_EXAMPLE))
    await bench.create("t", retry_config=RetryConfig(max_attempts=3, min_backoff={"seconds": 40}))
    waits = []
    for attempt in range(1, 3):
        await target.received(attempt)
        again = await clock.wait_for_timer()
        waits.append(round(again - target.times[-1], 6))
        clock.advance_to(again)
    await target.received(3)
    await bench.dispatcher.aclose(grace=5)
    assert waits == [40, 80]
    assert await bench.pending() == []


async def test_the_wait_begins_at_the_failure(bench: Bench, clock: VirtualClock, target: Target) -> None:
    target.will_answer([500])
    target.is_holding = True
    await bench.ensure(queue(retry_config=WORKED_EXAMPLE))
    await bench.create("t")
    await target.received(1)
    clock.advance(600)
    await target.release()
    assert await clock.wait_for_timer() == target.times[0] + 610


async def test_a_deadline_that_passed_is_told_as_504(
    bench: Bench, clock: VirtualClock, target: Target
) -> None:
    target.will_answer([Failure(FailureReason.TIMEOUT, "too slow")])
    await bench.ensure(queue())
    await bench.create("t")
    clock.advance_to(await clock.wait_for_timer())
    first, retry = await target.received(2)
    assert "X-CloudTasks-TaskPreviousResponse" not in first.headers
    assert retry.headers["X-CloudTasks-TaskPreviousResponse"] == "504"
    assert retry.headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert retry.headers["X-CloudTasks-TaskExecutionCount"] == "0"
    assert target.deadlines == [600, 600]


async def test_a_sender_that_raises_counts_as_a_failure(
    bench: Bench, clock: VirtualClock, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = target.send

    async def raise_once(*arguments: Any) -> Any:
        monkeypatch.setattr(target, "send", send)
        raise RuntimeError("a bug")

    monkeypatch.setattr(target, "send", raise_once)
    await bench.ensure(queue())
    await bench.create("t")
    clock.advance_to(await clock.wait_for_timer())
    await target.received(1)
    assert target.requests[0].headers["X-CloudTasks-TaskPreviousResponse"] == "503"


async def test_the_rate_holds_after_the_burst(bench: Bench, clock: VirtualClock, target: Target) -> None:
    await bench.ensure(queue(rate_limits=RateLimits(max_dispatches_per_second=0.5)))
    begin = clock.now()
    for number in range(103):
        await bench.create(f"t-{number}")
    for count in (101, 102, 103):
        clock.advance_to(await clock.wait_for_timer())
        await target.received(count)
    assert [round(moment - begin, 6) for moment in target.times] == [0.0] * 100 + [2.0, 4.0, 6.0]


async def test_no_more_than_the_concurrency_are_under_way(bench: Bench, target: Target) -> None:
    target.is_holding = True
    await bench.ensure(queue(rate_limits=RateLimits(max_concurrent_dispatches=2)), queue(OTHER_QUEUE))
    for number in range(5):
        await bench.create(f"t-{number}")
    await bench.create("sign", OTHER_QUEUE)
    await target.received(3)
    assert sorted(target.names()) == ["sign", "t-0", "t-1"]
    await target.release()
    await target.received(6)


async def test_a_queue_whose_target_hangs_leaves_places_to_the_others(bench: Bench, target: Target) -> None:
    target.is_holding = True
    await bench.ensure(queue(), queue(OTHER_QUEUE))
    for number in range(20):
        await bench.create(f"t-{number}")
    await target.received(4)
    await bench.create("other", OTHER_QUEUE)
    await target.received(5)
    assert target.names()[4] == "other"
    assert bench.dispatcher.statistics().in_flight <= bench.dispatcher.statistics().max_in_flight == 8
    await target.release()
    await target.received(21)


async def test_a_task_deleted_while_it_is_under_way_does_not_come_back(bench: Bench, target: Target) -> None:
    target.will_answer([500])
    target.is_holding = True
    await bench.ensure(queue())
    await bench.create("t")
    await target.received(1)
    await bench.tasks.delete(f"{QUEUE}/tasks/t")
    await target.release()
    await bench.create("sign")
    await target.received(2)
    await bench.dispatcher.aclose(grace=5)
    assert bench.queues.get(QUEUE).dispatch.statistics().waiting == 0
    assert target.names() == ["t", "sign"]


async def test_what_waits_in_a_queue_that_is_deleted_goes_no_more(bench: Bench, target: Target) -> None:
    target.is_holding = True
    await bench.ensure(queue(rate_limits=RateLimits(max_concurrent_dispatches=1)), queue(OTHER_QUEUE))
    for number in range(5):
        await bench.create(f"t-{number}")
    await target.received(1)
    await bench.queues.delete(QUEUE)
    await target.release()
    await bench.create("sign", OTHER_QUEUE)
    await target.received(2)
    await bench.dispatcher.aclose(grace=5)
    assert target.names() == ["t-0", "sign"]


async def test_a_task_whose_end_cannot_be_recorded_goes_again(
    bench: Bench, clock: VirtualClock, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.ensure(queue())
    bench.failing.failures = 1
    await bench.create("t")
    clock.advance_to(await clock.wait_for_timer())
    await target.received(2)
    assert target.names() == ["t", "t"]
    assert "the disk is full" in caplog.text
    await bench.dispatcher.aclose(grace=5)
    assert await bench.pending() == []


async def test_a_task_that_cannot_be_read_goes_again(
    bench: Bench, clock: VirtualClock, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    target.will_answer([500])
    await bench.ensure(queue(retry_config=WORKED_EXAMPLE))
    await bench.create("t")
    again = await clock.wait_for_timer()
    bench.failing.read_failures = 1
    clock.advance_to(again)
    assert await clock.wait_for_timer() == again + 1
    assert "disk I/O error" in caplog.text
    clock.advance(1)
    await target.received(2)


async def test_a_restart_takes_up_paused_and_waiting_alike(
    bench: Bench, store: Store, clock: VirtualClock, issuer: TokenIssuer, target: Target
) -> None:
    await bench.ensure(queue(), queue(OTHER_QUEUE))
    await bench.queues.set_paused(QUEUE, True)
    await bench.create("held")
    again = Bench(store, clock, issuer, target)
    await again.queues.open()
    again.queues.start()
    await again.create("sign", OTHER_QUEUE)
    await target.received(1)
    assert target.names() == ["sign"]
    await again.queues.set_paused(QUEUE, False)
    await target.received(2)
    assert target.names() == ["sign", "held"]
    await again.dispatcher.aclose(grace=5)


async def test_statistics_count_what_happened(bench: Bench, clock: VirtualClock, target: Target) -> None:
    target.will_answer([500, 200, 500])
    await bench.ensure(
        queue(
            retry_config=RetryConfig(max_attempts=2, min_backoff={"seconds": 1}, max_backoff={"seconds": 1})
        )
    )
    await bench.create("t")
    clock.advance_to(await clock.wait_for_timer())
    await target.received(2)
    await bench.dispatcher.aclose(grace=5)
    statistics = bench.dispatcher.statistics()
    assert (statistics.dispatched_total, statistics.completed_total, statistics.failed_total) == (2, 1, 1)
    assert (statistics.exhausted_total, statistics.in_flight) == (0, 0)
