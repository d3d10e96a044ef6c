"""Fan-out: bounded, in order, first error or all ends, and nothing that outlives the call."""

from __future__ import annotations

import asyncio

import pytest

from lanes import DeadlineExceeded, Done, Failed, fan_out, fan_out_collect


class Calls:
    """A coroutine function that keeps count of itself."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.hanging = asyncio.Semaphore(0)

    async def double(self, number: int) -> int:
        self.begun.append(number)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(10 - number % 10):  # the later ones end first
                await asyncio.sleep(0)
        finally:
            self.running -= 1
        return 2 * number

    async def hang(self, number: int) -> int:
        self.begun.append(number)
        if len(self.begun) == 3:
            self.hanging.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        return number

    async def fail_at_3(self, number: int) -> int:
        if number == 3:
            raise LookupError("three")
        return await self.hang(number)


async def test_results_come_in_order_and_within_the_limit() -> None:
    calls = Calls()
    assert await fan_out(calls.double, range(20), limit=4) == [2 * number for number in range(20)]
    assert calls.most == 4


async def test_nothing_to_do_is_done() -> None:
    assert await fan_out(Calls().double, [], limit=4) == []


async def test_the_first_error_cancels_the_others_and_is_raised() -> None:
    calls = Calls()
    with pytest.raises(LookupError, match="three"):
        await fan_out(calls.fail_at_3, range(8), limit=5)
    assert sorted(calls.cancelled) == [0, 1, 2, 4]
    assert 5 not in calls.begun


async def test_a_cancelled_caller_leaves_nothing_running() -> None:
    calls = Calls()
    before = asyncio.all_tasks()
    call = asyncio.create_task(fan_out(calls.hang, range(8), limit=3))
    await calls.hanging.acquire()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert sorted(calls.cancelled) == [0, 1, 2]
    assert asyncio.all_tasks() == before


async def test_the_deadline_ends_it() -> None:
    with pytest.raises(DeadlineExceeded, match=r"0 of 2 calls had ended when their deadline of 0\.01 s came"):
        await fan_out(Calls().hang, range(2), limit=2, deadline=0.01)


async def test_a_call_that_times_out_by_itself_is_an_error_of_its_own() -> None:
    async def impatient(_: int) -> int:
        raise TimeoutError("my own")

    with pytest.raises(TimeoutError, match="my own"):
        await fan_out(impatient, [1], limit=1, deadline=20)


async def test_collecting_tells_how_each_one_ended() -> None:
    async def half(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number // 2

    ends = await fan_out_collect(half, range(4), limit=2)
    assert [end.result for end in ends if isinstance(end, Done)] == [0, 1]
    assert [str(end.error) for end in ends if isinstance(end, Failed)] == ["1", "3"]
    assert [type(end) for end in ends] == [Done, Failed, Done, Failed]


async def test_collecting_keeps_what_ended_before_the_deadline() -> None:
    calls = Calls()

    async def some(number: int) -> int:
        return await (calls.hang(number) if number == 1 else calls.double(number))

    ends = await fan_out_collect(some, range(3), limit=1, deadline=0.05)
    assert ends[0] == Done(0)
    assert [isinstance(end, Failed) and isinstance(end.error, DeadlineExceeded) for end in ends[1:]] == [
        True,
        True,
    ]
    assert calls.cancelled == [1]


async def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit is 0: give"):
        await fan_out(Calls().double, [1], limit=0)
