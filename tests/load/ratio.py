"""Compares how long healthy requests take while the downstream is slow and while it is not; a soft guard."""

from __future__ import annotations

import asyncio
from statistics import median

from tests.load.client import Seen
from tests.load.downstream import running
from tests.load.stage import Stage
from tests.load.verdicts import Assertion

RUNS = 3
FAST, SLOW = 0.005, 0.3
"""Seconds that the downstream takes."""
HEALTHY = 60
PERIOD = 0.01
"""Seconds from one healthy request to the next, answered or not."""
_WORK_EVERY = 8
MOST_TIMES = 5.0
MOST_MORE = 0.05
"""Seconds."""


async def judge_ratio(stage: Stage) -> None:
    """Fast and slow in turn; the median of what the runs say counts, so that one hiccup does not."""
    fast: list[float] = []
    slow: list[float] = []
    async with running() as downstream:
        for _ in range(RUNS):
            for delay, measured in ((FAST, fast), (SLOW, slow)):
                downstream.delay = delay
                measured.append(await _p99(stage, downstream.url))
            if slow[-1] >= stage.client.hang:
                break  # it hangs: no need to see that again
    excess = median(
        slow_p99 - max(MOST_TIMES * fast_p99, fast_p99 + MOST_MORE)
        for fast_p99, slow_p99 in zip(fast, slow, strict=True)
    )
    told = "; ".join(f"{1000 * a:.0f} to {1000 * b:.0f}" for a, b in zip(fast, slow, strict=True))
    stage.verdicts.hold(Assertion.RATIO, excess <= 0, f"p99 of healthy requests went, in ms, from {told}")


async def _p99(stage: Stage, url: str) -> float:
    """Seconds from when each request was meant to go to its answer."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def healthy(at: float) -> float:
        seen = await stage.client.ask("/healthy")
        return loop.time() - at if seen.is_good else stage.client.hang

    asked: list[asyncio.Task[float]] = []
    work: list[asyncio.Task[Seen]] = []
    for number in range(HEALTHY):
        intended = began + number * PERIOD
        await asyncio.sleep(max(0.0, intended - loop.time()))
        if not number % _WORK_EVERY:
            work.append(asyncio.create_task(stage.client.ask("/work", {"url": url})))
        asked.append(asyncio.create_task(healthy(intended)))
    seconds = sorted(await asyncio.gather(*asked))
    await asyncio.gather(*work)
    return seconds[int(0.99 * len(seconds)) - 1]
