"""Puts an open-loop load on one way of calling others, and measures what everybody else sees meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from benchmarks.before_after.patterns import Condition, Pattern
from lanes import Cause
from tests.load.backend import Backend, serving
from tests.load.client import Client, Metrics, client
from tests.load.downstream import Fault, running

WORK_PER_SECOND = 10.0
PINGS_PER_SECOND = 50.0
HANG = 10.0
"""Seconds after which a ping counts as lost; it is measured as that long."""
SETTINGS = {
    "SIDELANE_EGRESS_ALLOW": "127.0.0.0/8",
    "SIDELANE_HTTP__DEFAULT__DEADLINE": "20",
    # The originals use the loop's default executor.
    "SIDELANE_REFUSE_DEFAULT_EXECUTOR": "false",
}
_STALLS = (Cause.BLOCKED, Cause.CPU, Cause.UNKNOWN)
_SAMPLED_EVERY = 0.25
_TO_ANSWER = 1.0
"""Seconds beyond its downstream's delay in which the last request must be answered to count."""
_WARM_UP = 20
_PATIENCE = 60.0
"""Seconds that a caller of the downstream waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run came to. Times are seconds."""

    asked: int
    """Requests that call the downstream."""
    served: int
    """Of those, answered well in time."""
    ping_p50: float
    ping_p99: float
    """Of requests that call nobody, from when each was meant to go; at most `HANG`."""
    stalled: float
    """In which the event loop ran nothing."""
    threads: int
    """The most at any time."""
    resident: int
    """Bytes, the most at any time."""


async def measure(pattern: Pattern, condition: Condition, *, seconds: float) -> Measured:
    """The load of so many seconds on a process of its own."""
    fault = Fault.BEFORE_HEADERS if condition.is_parked else Fault.NONE
    async with (
        running() as warm,
        running(fault) as downstream,
        serving(SETTINGS | {"LOAD_WAY": pattern.way}, loop="uvloop") as backend,
        client(backend.port, hang=HANG) as asking,
    ):
        await asking.ask_many(_WARM_UP, "/work", {"url": warm.url})
        await asking.ask_many(_WARM_UP, "/healthy")
        before = await asking.metrics()
        downstream.delay = condition.delay
        load = _Load(asking)
        watch = asyncio.create_task(load.watch(backend))
        await load.put(downstream.url, seconds)
        await asyncio.sleep(condition.delay + _TO_ANSWER)
        served = load.served
        await downstream.release()
        downstream.delay = 0.0
        await load.ended()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        after = await asking.metrics(within=60.0)
    times = sorted(load.pings)
    return Measured(
        asked=load.asked,
        served=served,
        ping_p50=times[len(times) // 2],
        ping_p99=times[int(0.99 * len(times)) - 1],
        stalled=_stalled(after) - _stalled(before),
        threads=load.threads,
        resident=load.resident,
    )


@dataclass
class _Load:
    """Requests that go at their times, whether or not those before them were answered."""

    asking: Client
    asked: int = 0
    served: int = 0
    pings: list[float] = field(default_factory=list)
    threads: int = 0
    resident: int = 0
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def put(self, url: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        every = round(PINGS_PER_SECOND / WORK_PER_SECOND)
        for number in range(round(seconds * PINGS_PER_SECOND)):
            at = began + number / PINGS_PER_SECOND
            await asyncio.sleep(max(0.0, at - loop.time()))
            self._begin(self._ping(at))
            if number % every == 0:
                self.asked += 1
                self._begin(self._work(url))

    async def ended(self) -> None:
        await asyncio.gather(*self._under_way)

    async def watch(self, backend: Backend) -> None:
        """Remember the most threads and memory."""
        while True:
            now = backend.resources()
            self.threads = max(self.threads, now.threads)
            self.resident = max(self.resident, now.resident)
            await asyncio.sleep(_SAMPLED_EVERY)

    def _begin(self, request: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(request)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _ping(self, at: float) -> None:
        seen = await self.asking.ask("/healthy")
        self.pings.append(asyncio.get_running_loop().time() - at if seen.is_good else HANG)

    async def _work(self, url: str) -> None:
        seen = await self.asking.ask("/work", {"url": url}, within=_PATIENCE)
        self.served += seen.is_good


def _stalled(metrics: Metrics) -> float:
    return sum(metrics.total("asyncio_event_loop_stall_seconds_total", cause=cause) for cause in _STALLS)
