"""The virtual clock's order of calls, and sleeping on any clock."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from emulator.engine.clock import AdjustableClock, SystemClock, VirtualClock, sleep_until


async def test_calls_come_at_their_own_time_in_order() -> None:
    clock = VirtualClock(100.0)
    calls: list[tuple[str, float]] = []
    clock.call_at(130.0, lambda: calls.append(("b", clock.now())))
    clock.call_at(110.0, lambda: calls.append(("a", clock.now())))
    cancelled = clock.call_at(120.0, lambda: calls.append(("never", clock.now())))
    cancelled.cancel()
    clock.call_at(110.0, lambda: clock.call_at(115.0, lambda: calls.append(("nested", clock.now()))))
    clock.advance(29.0)
    assert calls == [("a", 110.0), ("nested", 115.0)]
    assert clock.now() == 129.0
    clock.advance_to(200.0)
    assert calls[-1] == ("b", 130.0)
    assert clock.now() == 200.0


async def test_a_sleeper_wakes_when_the_clock_gets_there() -> None:
    clock = VirtualClock(100.0)
    sleeper = asyncio.create_task(sleep_until(clock, 160.0))
    assert await clock.wait_for_timer() == 160.0
    clock.advance(59.0)
    assert not sleeper.done()
    clock.advance(1.0)
    await sleeper
    await sleep_until(clock, 160.0)  # past: returns at once
    assert clock.next_call() is None


async def test_the_system_clock_is_the_wall_clock() -> None:
    clock = SystemClock()
    begin = clock.now()
    assert abs(begin - time.time()) < 1
    await sleep_until(clock, begin + 0.01)
    assert clock.now() >= begin + 0.01


async def test_an_adjustable_clock_makes_the_calls_that_it_passes() -> None:
    clock = AdjustableClock()
    begin = clock.now()
    assert abs(begin - time.time()) < 1
    calls: list[str] = []
    both = asyncio.Event()
    clock.call_at(begin + 7200, lambda: calls.append("never"))
    clock.call_at(begin + 3600, both.set)
    clock.call_at(begin + 3599, lambda: calls.append("second"))
    clock.call_at(begin + 60, lambda: calls.append("first"))
    clock.call_at(begin + 30, lambda: calls.append("cancelled")).cancel()
    clock.advance(3601)
    async with asyncio.timeout(20):
        await both.wait()
    assert calls == ["first", "second"]
    assert clock.ahead == 3601
    assert begin + 3601 <= clock.now() < begin + 7200


async def test_a_sleeper_on_an_adjustable_clock_wakes_when_it_is_moved() -> None:
    clock = AdjustableClock()
    sleeper = asyncio.create_task(sleep_until(clock, clock.now() + 3600))
    await asyncio.sleep(0)
    clock.advance(1800)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(1800)
    async with asyncio.timeout(20):
        await sleeper


@pytest.mark.parametrize("seconds", [-1, math.inf, math.nan])
async def test_an_adjustable_clock_moves_forward_only(seconds: float) -> None:
    clock = AdjustableClock()
    with pytest.raises(ValueError, match="moves forward by a finite number"):
        clock.advance(seconds)
    assert clock.ahead == 0
