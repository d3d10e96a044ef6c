"""A queue of 50/s with its burst of 100, against the curve of its token bucket, for 20 s.

The queue is filled while paused, and resumed. Time counts from the resume. At every whole second t, and half
a token's time later so that no token stands on the line, 100 + 50 t requests should have come. The figure is
the largest deviation from that, in per cent.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from google.cloud.tasks_v2 import Queue, RateLimits
from rich.console import Console
from rich.table import Table

from benchmarks.emulator.load import LOCATION, Load, tasks_client
from benchmarks.emulator.receiver import receiving
from benchmarks.processes import python, sidelane_up
from benchmarks.rounds import Figure, Options

RATE = 50
BURST = 100
SECONDS = 20
TARGET = 1.0


async def run(_options: Options, console: Console) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        receiver = await stack.enter_async_context(receiving())
        server = await stack.enter_async_context(python(*sidelane_up(folder)))
        client = await stack.enter_async_context(tasks_client(server.fields["tasks"]))
        name = f"{LOCATION}/queues/steady"
        limits = RateLimits(max_dispatches_per_second=RATE)
        await client.create_queue(parent=LOCATION, queue=Queue(name=name, rate_limits=limits))
        await client.pause_queue(name=name)
        await Load(client, [name], receiver.url).count(BURST + RATE * (SECONDS + 5))
        began = time.monotonic()
        await client.resume_queue(name=name)
        await asyncio.sleep(SECONDS + 0.5)
        table = Table("second", "requests", "curve", "deviation %", title="rate")
        worst = 0.0
        for second in range(1, SECONDS + 1):
            seen, curve = bisect_right(receiver.times, began + second + 0.5 / RATE), BURST + RATE * second
            deviation = 100 * (seen - curve) / curve
            worst = max(worst, abs(deviation))
            table.add_row(str(second), str(seen), str(curve), f"{deviation:+.2f}")
        console.print(table)
        return [
            Figure(name="rate: off its curve", value=worst, target=TARGET, unit="%", at_most=True),
        ]
