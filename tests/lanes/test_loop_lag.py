"""The lag probe on real loops that really stall: it tells how long, why and where."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

import pytest
import uvloop
from blockbuster import BlockBuster

from lanes import HealthServer, LoopLagProbe, LoopLagSettings, loop_health
from lanes.stalls import Cause

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
BLOCK = 0.8


class Lags(list[float]):
    """An observer that also lets a coroutine wait for news."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Semaphore(0)

    def lag(self, seconds: float) -> None:
        self.append(seconds)
        with suppress(RuntimeError):  # the prober ends a moment after its loop may be closed
            self._loop.call_soon_threadsafe(self._news.release)

    async def more(self, count: int) -> None:
        async with asyncio.timeout(20):
            for _ in range(count):
                await self._news.acquire()


def block(seconds: float) -> None:
    time.sleep(seconds)


def compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest, loop_guard: BlockBuster) -> Callable[[Awaitable[Any]], Any]:
    """Runs a coroutine on a loop of each kind, on which `block` may block: that is what is measured."""
    loop_guard.functions["time.sleep"].can_block_in("tests/lanes/test_loop_lag.py", "block")

    def run(work: Awaitable[Any]) -> Any:
        async def main() -> Any:
            return await work

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(main())

    return run


async def stalled_by(stall: Callable[[float], None]) -> tuple[Lags, LoopLagProbe]:
    lags = Lags()
    probe = LoopLagProbe(observer=lags)
    await probe.open()
    await lags.more(2)
    stall(BLOCK)
    await lags.more(8)
    await probe.aclose()
    return lags, probe


def test_a_block_is_measured_as_arriving_events_feel_it(run: Callable[[Awaitable[Any]], Any]) -> None:
    lags, probe = run(stalled_by(block))
    assert max(lags) > BLOCK / 2
    assert sum(lags) / len(lags) > 0.1  # a timer inside the loop says a tenth of that
    statistics = probe.statistics()
    assert statistics.stalls_total == {Cause.BLOCKED: 1}
    assert statistics.stall_seconds_total[Cause.BLOCKED] == pytest.approx(BLOCK, abs=0.3)
    assert statistics.last_source == "lanes/test_loop_lag.py:block"


def test_a_busy_loop_is_told_from_a_blocked_one(run: Callable[[Awaitable[Any]], Any]) -> None:
    for _ in range(5):  # on a busy machine the loop's thread may wait for a core rather than compute
        _, probe = run(stalled_by(compute))
        statistics = probe.statistics()
        assert statistics.last_source == "lanes/test_loop_lag.py:compute"
        if statistics.stall_seconds_total[Cause.CPU] > statistics.stall_seconds_total[Cause.BLOCKED]:
            return
    pytest.fail(f"computing was never taken for its cause: {statistics}")


class Jumping:
    """A clock that jumps once between two ticks of the prober, which then finds itself late."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls = 0
        self._offset = 0.0

    def __call__(self) -> float:
        self._calls += threading.current_thread().name == "loop-lag"
        if self._calls == 5:
            self._offset = self._seconds
        return time.monotonic() + self._offset


def test_what_a_late_prober_sees_is_nobodys_block(run: Callable[[Awaitable[Any]], Any]) -> None:
    async def late_once() -> LoopLagProbe:
        lags = Lags()
        settings = LoopLagSettings(period=0.3, stall=0.15)
        probe = LoopLagProbe(settings, observer=lags, clock=Jumping(0.2), luck=lambda: 0.5)
        await probe.open()
        await lags.more(4)
        await probe.aclose()
        return probe

    statistics = run(late_once()).statistics()
    assert statistics.stalls_total[Cause.STARVED] >= 1
    assert Cause.BLOCKED not in statistics.stalls_total


def test_a_loop_that_is_free_has_no_stall(run: Callable[[Awaitable[Any]], Any]) -> None:
    async def idle() -> LoopLagProbe:
        lags = Lags()
        probe = LoopLagProbe(LoopLagSettings(period=0.01, stall=5.0), observer=lags)
        await probe.open()
        await lags.more(20)
        await probe.aclose()
        return probe

    statistics = run(idle()).statistics()
    assert statistics.stalls_total == {}
    assert statistics.current < 5.0


def test_a_stuck_loop_is_unhealthy_to_one_who_asks_from_outside(run: Callable[[Awaitable[Any]], Any]) -> None:
    async def ask_while_stuck() -> list[tuple[int, str]]:
        lags = Lags()
        probe = LoopLagProbe(LoopLagSettings(period=0.02), observer=lags)
        server = HealthServer("127.0.0.1", 0, lambda: loop_health(probe.statistics(), stuck_after=0.3))
        await probe.open()
        port = await server.open()
        await lags.more(2)
        answers: list[tuple[int, str]] = []

        def ask_until(status: int) -> None:
            """In a thread: what the endpoint says, until it says this."""
            end = time.monotonic() + 20
            while time.monotonic() < end:
                connection = HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/healthz")
                response = connection.getresponse()
                answers.append((response.status, json.loads(response.read()).get("reason", "")))
                connection.close()
                if response.status == status:
                    return

        asked = asyncio.get_running_loop().run_in_executor(None, ask_until, 503)
        block(1.0)
        await asked
        await asyncio.to_thread(ask_until, 200)
        await server.aclose()
        await probe.aclose()
        return answers

    answers = run(ask_while_stuck())
    status, reason = next(answer for answer in answers if answer[0] == 503)
    assert status == 503
    assert "the event loop has run nothing for" in reason
    assert "lanes/test_loop_lag.py:block" in reason
    assert answers[-1] == (200, "")


async def test_probes_that_wait_are_bounded(loop_guard: BlockBuster) -> None:
    loop_guard.functions["time.sleep"].can_block_in("tests/lanes/test_loop_lag.py", "block")
    lags = Lags()
    probe = LoopLagProbe(LoopLagSettings(period=0.01, max_outstanding=3), observer=lags)
    await probe.open()
    await lags.more(1)
    block(0.2)
    await probe.aclose()
    assert probe.statistics().outstanding <= 3
    assert probe.statistics().max_outstanding == 3
