"""The lag probe's mean against what events that arrive from outside truly wait, on loops that stall.

Three loads, each on asyncio and on uvloop: blocks of 50 ms in a fifth of the time, a block of 0.8 s about
every 2 s, and ten callbacks of 4 ms in each turn of the loop. A thread hands in events at random moments (a
Poisson process, 100 a second) and notes when they run. The figure is how far the probe's mean is from theirs,
in per cent; the in-loop timer that one might use instead is shown beside it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable
from statistics import mean

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.rounds import Figure, Options
from lanes import LoopLagProbe

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
ARRIVALS = 100.0
"""Events a second."""
DRIFT_PERIOD = 0.01
SECONDS = 30.0
TARGET = 20.0


class Waits(list[float]):
    """What the probe measured."""

    def lag(self, seconds: float) -> None:
        self.append(seconds)


async def small_blocks(chance: random.Random) -> None:
    while True:
        time.sleep(0.05)  # noqa: ASYNC251 (the load)
        await asyncio.sleep(chance.uniform(0.1, 0.3))


async def long_blocks(chance: random.Random) -> None:
    while True:
        time.sleep(0.8)  # noqa: ASYNC251 (the load)
        await asyncio.sleep(chance.uniform(0.6, 1.8))


async def busy_turns(_chance: random.Random) -> None:
    loop = asyncio.get_running_loop()
    while True:
        for _ in range(10):
            loop.call_soon(time.sleep, 0.004)
        await asyncio.sleep(0)


LOADS: dict[str, Callable[[random.Random], Awaitable[None]]] = {
    "50 ms blocks": small_blocks,
    "0.8 s blocks": long_blocks,
    "busy turns": busy_turns,
}


async def measured(load: Callable[[random.Random], Awaitable[None]], seconds: float) -> tuple[float, ...]:
    """Mean waits in milliseconds: of arriving events, by the probe, and by a timer in the loop."""
    waits, truth, drift = Waits(), list[float](), list[float]()
    probe = LoopLagProbe(observer=waits)
    stopped = threading.Event()
    arriving = threading.Thread(
        target=_arrive, args=(asyncio.get_running_loop(), truth, stopped), daemon=True
    )
    running = [asyncio.ensure_future(load(random.Random(7))), asyncio.ensure_future(_drift(drift))]
    await probe.open()
    arriving.start()
    await asyncio.sleep(seconds)
    stopped.set()
    await probe.aclose()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return 1e3 * mean(truth), 1e3 * mean(waits), 1e3 * mean(drift)


def _arrive(loop: asyncio.AbstractEventLoop, waits: list[float], stopped: threading.Event) -> None:
    chance = random.Random(11)
    intended = time.monotonic()
    while not stopped.wait(max(0.0, intended - time.monotonic())):
        loop.call_soon_threadsafe(_arrived, waits, intended)
        intended += chance.expovariate(ARRIVALS)


def _arrived(waits: list[float], intended: float) -> None:
    waits.append(time.monotonic() - intended)


async def _drift(waits: list[float]) -> None:
    while True:
        began = time.monotonic()
        await asyncio.sleep(DRIFT_PERIOD)
        waits.append(time.monotonic() - began - DRIFT_PERIOD)


def run(options: Options, console: Console) -> list[Figure]:
    logging.getLogger("lanes").setLevel(logging.ERROR)  # every stall is a warning, and these are on purpose
    seconds = max(SECONDS, options.seconds)
    table = Table("load", "loop", "events wait, ms", "probe, ms", "timer in the loop, ms", title="loop lag")
    figures = []
    for load_name, load in LOADS.items():
        for loop_name, loop in LOOPS.items():
            with asyncio.Runner(loop_factory=loop) as runner:
                truth, probe, drift = runner.run(measured(load, seconds))
            table.add_row(load_name, loop_name, f"{truth:.1f}", f"{probe:.1f}", f"{drift:.1f}")
            figures.append(
                Figure(
                    name=f"loop lag, {load_name}, {loop_name}: off the truth",
                    value=100 * abs(probe - truth) / truth,
                    target=TARGET,
                    unit="%",
                    at_most=True,
                )
            )
    console.print(table)
    return figures
