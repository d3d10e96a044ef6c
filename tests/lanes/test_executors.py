"""Executors: bounded, named, with the caller's context, never deadlocked by their own jobs, drained."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator

import pytest

from lanes import (
    DeadlineExceeded,
    Executor,
    ExecutorClosed,
    ExecutorSaturated,
    ExecutorSettings,
    SamePoolWait,
)

SMALL = ExecutorSettings(name="small", threads=2, max_waiting=1)
OTHER = ExecutorSettings(name="other", threads=1, max_waiting=8)


class Gate:
    """A job that waits until it is let through, and counts those inside."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._inside = asyncio.Semaphore(0)

    def work(self, result: str = "done") -> str:
        self._loop.call_soon_threadsafe(self._inside.release)
        assert self._open.wait(20)
        return result

    async def entered(self, count: int) -> None:
        async with asyncio.timeout(20):
            for _ in range(count):
                await self._inside.acquire()

    def let_through(self) -> None:
        self._open.set()


@pytest.fixture
async def small() -> AsyncIterator[Executor]:
    executor = Executor(SMALL)
    await executor.open()
    yield executor
    await executor.aclose(grace=0)


@pytest.fixture
async def other() -> AsyncIterator[Executor]:
    executor = Executor(OTHER)
    await executor.open()
    yield executor
    await executor.aclose(grace=0)


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    yield gate
    gate.let_through()


async def test_a_job_runs_in_a_named_thread_and_returns(small: Executor) -> None:
    name = await small.run(lambda: threading.current_thread().name)
    assert name in {"small-0", "small-1"}


async def test_what_a_job_raises_reaches_its_caller(small: Executor) -> None:
    with pytest.raises(ZeroDivisionError):
        await small.run(lambda: 1 // 0)
    assert await small.run(lambda: "still there") == "still there"


async def test_a_job_sees_the_context_of_its_caller(small: Executor) -> None:
    user = contextvars.ContextVar("user", default="nobody")
    user.set("ada")
    assert await small.run(user.get) == "ada"


async def test_one_job_too_many_is_refused_and_the_others_end(small: Executor, gate: Gate) -> None:
    running = [asyncio.create_task(small.run(gate.work)) for _ in range(2)]
    await gate.entered(2)
    waiting = asyncio.create_task(small.run(gate.work, "waited"))
    await asyncio.sleep(0)
    with pytest.raises(ExecutorSaturated, match=r"small executor is saturated.*1 jobs wait"):
        await small.run(gate.work)
    statistics = small.statistics()
    assert (statistics.running, statistics.waiting, statistics.saturated_total) == (2, 1, 1)

    gate.let_through()
    assert await asyncio.gather(*running, waiting) == ["done", "done", "waited"]
    assert await small.run(lambda: "room again") == "room again"


async def test_the_two_pools_share_nothing(small: Executor, other: Executor, gate: Gate) -> None:
    filling = [asyncio.create_task(small.run(gate.work)) for _ in range(3)]
    await gate.entered(2)
    assert await other.run(lambda: "free") == "free"
    gate.let_through()
    await asyncio.gather(*filling)


async def test_a_cancelled_caller_takes_its_waiting_job_along(small: Executor, gate: Gate) -> None:
    ran: list[str] = []
    running = [asyncio.create_task(small.run(gate.work)) for _ in range(2)]
    await gate.entered(2)
    waiting = asyncio.create_task(small.run(ran.append, "never"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert small.statistics().waiting == 0

    follower = asyncio.create_task(small.run(lambda: "in its place"))
    gate.let_through()
    assert await follower == "in its place"
    await asyncio.gather(*running)
    assert ran == []


async def test_a_deadline_leaves_a_running_job_in_its_thread(small: Executor, gate: Gate) -> None:
    with pytest.raises(DeadlineExceeded, match=r"small executor did not end within 0\.01 s"):
        await small.run_within(0.01, gate.work)
    statistics = small.statistics()
    assert (statistics.running, statistics.abandoned_total) == (1, 1)
    gate.let_through()


async def test_a_timeout_of_the_function_itself_is_not_taken_for_the_deadline(small: Executor) -> None:
    def impatient() -> None:
        raise TimeoutError("my own")

    with pytest.raises(TimeoutError, match="my own"):
        await small.run_within(20, impatient)


async def test_a_job_that_would_wait_for_its_own_pool_is_refused(small: Executor) -> None:
    def parent() -> str:
        return small.submit(lambda: "child").result(20)

    with pytest.raises(SamePoolWait, match="job of the small executor must not wait"):
        await small.run(parent)


async def test_the_refusal_holds_by_way_of_the_loop_and_of_another_pool(
    small: Executor, other: Executor
) -> None:
    loop = asyncio.get_running_loop()

    def through_the_loop() -> str:
        return asyncio.run_coroutine_threadsafe(small.run(lambda: "child"), loop).result(20)

    def through_the_other() -> str:
        return other.submit(lambda: small.submit(lambda: "grandchild").result(20)).result(20)

    with pytest.raises(SamePoolWait):
        await small.run(through_the_loop)
    with pytest.raises(SamePoolWait):
        await small.run(through_the_other)


async def test_a_job_may_wait_for_another_pool_and_start_work_it_does_not_wait_for(
    small: Executor, other: Executor
) -> None:
    assert await small.run(lambda: other.submit(lambda: "child").result(20)) == "child"
    started = await small.run(lambda: small.submit(lambda: "later"))
    assert await asyncio.wrap_future(started) == "later"


async def test_closing_runs_what_waits_within_the_grace(gate: Gate) -> None:
    executor = Executor(SMALL)
    await executor.open()
    jobs = [asyncio.create_task(executor.run(gate.work, str(number))) for number in range(3)]
    await gate.entered(2)
    closing = asyncio.create_task(executor.aclose(grace=20))
    await asyncio.sleep(0)
    with pytest.raises(ExecutorClosed):
        await executor.run(lambda: None)
    gate.let_through()
    left = await closing
    assert (left.dropped, left.running) == (0, 0)
    assert await asyncio.gather(*jobs) == ["0", "1", "2"]


async def test_closing_says_what_it_left(gate: Gate) -> None:
    executor = Executor(SMALL)
    await executor.open()
    hanging = [asyncio.create_task(executor.run(gate.work)) for _ in range(2)]
    await gate.entered(2)
    waiting = asyncio.create_task(executor.run(lambda: "never"))
    await asyncio.sleep(0)
    left = await executor.aclose(grace=0.01)
    assert (left.dropped, left.running) == (1, 2)
    with pytest.raises(ExecutorClosed):
        await waiting
    gate.let_through()
    assert await asyncio.gather(*hanging) == ["done", "done"]


async def test_before_open_it_says_so() -> None:
    with pytest.raises(ExecutorClosed, match="open it in the lifespan"):
        await Executor(SMALL).run(lambda: None)


async def test_waits_are_observed_by_the_injected_clock(gate: Gate) -> None:
    now = 100.0
    waits: list[float] = []
    executor = Executor(
        ExecutorSettings(name="one", threads=1, max_waiting=4),
        clock=lambda: now,
        observe_wait=waits.append,
    )
    await executor.open()
    first = asyncio.create_task(executor.run(gate.work))
    await gate.entered(1)
    second = asyncio.create_task(executor.run(lambda: None))
    await asyncio.sleep(0)
    now = 103.0
    gate.let_through()
    await asyncio.gather(first, second)
    await executor.aclose()
    assert waits == [0.0, 3.0]
    assert executor.statistics().wait_seconds_total == 3.0
    assert executor.statistics().started_total == 2
