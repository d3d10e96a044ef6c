"""Enqueues from a route at 200 requests a second, Cloud Tasks 20 ms away: what an unrelated request notices.

The emulator stands behind a proxy that delays each byte by 20 ms in each direction. The load is open:
requests go at their times, whether or not those before them were answered.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import aiohttp
from rich.console import Console
from rich.table import Table

from benchmarks.processes import python, sidelane_up
from benchmarks.producers.delay_proxy import delayed
from benchmarks.rounds import Figure, Options

QUEUES = Path("infra/terraform/queues.yaml")
AWAY = 0.02
"""Seconds, each way."""
PER_SECOND = 200.0
PINGS_PER_SECOND = 50.0
SECONDS = 12.0
QUIET_SECONDS = 6.0
MOST = 3
"""Pairs of quiet and load."""
_TIMEOUT = aiohttp.ClientTimeout(total=20)


async def run(options: Options, console: Console) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        server = await stack.enter_async_context(python(*sidelane_up(folder)))
        tasks = await stack.enter_async_context(delayed(server.fields["tasks"], AWAY))
        backend = await stack.enter_async_context(
            python(
                *("-m", "benchmarks.producers.backend", str(QUEUES)),
                environment={
                    "CLOUD_TASKS_EMULATOR_HOST": tasks,
                    "PUBSUB_EMULATOR_HOST": server.fields["pubsub"],
                },
            )
        )
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                f"http://{backend.fields['http']}", timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=0)
            )
        )
        table = Table("pair", "served", "enqueue p99 ms", "ping p99 quiet ms", "ping p99 loaded ms", "ratio")
        ratios, served, asked = [], 0, 0
        for number in range(min(options.rounds, MOST)):
            quiet, load = _Load(session), _Load(session, first=number * round(SECONDS * PER_SECOND))
            await quiet.put(QUIET_SECONDS, per_second=0)
            await load.put(SECONDS, per_second=PER_SECOND)
            ratios.append(_p99(load.pings) / _p99(quiet.pings))
            served, asked = served + len(load.enqueued), asked + load.asked
            table.add_row(
                str(number + 1),
                f"{len(load.enqueued)} of {load.asked}",
                *(f"{1000 * _p99(each):.1f}" for each in (load.enqueued, quiet.pings, load.pings)),
                f"{ratios[-1]:.2f}",
            )
        console.print(table)
    return [
        Figure(name="route: share of enqueues served", value=served / asked, target=1.0, unit="of all"),
        Figure(
            name="route: ping p99 under load over quiet",
            value=median(ratios),
            target=2.0,
            unit="median ratio",
            at_most=True,
        ),
    ]


@dataclass
class _Load:
    session: aiohttp.ClientSession
    first: int = 0
    """Number of the first task: each is another event."""
    asked: int = 0
    enqueued: list[float] = field(default_factory=list)
    pings: list[float] = field(default_factory=list)
    """Seconds from when each request was meant to go."""

    async def put(self, seconds: float, *, per_second: float) -> None:
        async with asyncio.TaskGroup() as requests:
            loop = asyncio.get_running_loop()
            began = loop.time()
            times = [(number / PINGS_PER_SECOND, True) for number in range(round(seconds * PINGS_PER_SECOND))]
            times += [(number / per_second, False) for number in range(round(seconds * per_second))]
            for offset, is_ping in sorted(times):
                await asyncio.sleep(max(0.0, began + offset - loop.time()))
                requests.create_task(self._ping(began + offset) if is_ping else self._enqueue(began + offset))

    async def _ping(self, at: float) -> None:
        async with self.session.get("/ping") as answer:
            answer.raise_for_status()
        self.pings.append(asyncio.get_running_loop().time() - at)

    async def _enqueue(self, at: float) -> None:
        self.asked += 1
        number = self.first + self.asked
        event = {"stream_id": "s", "sequence": number, "segments": [{"text": "Hello.", "start": 0, "end": 1}]}
        async with self.session.post(f"/users/u{number % 100}/flushes", json=event) as answer:
            if answer.status == 202:
                self.enqueued.append(asyncio.get_running_loop().time() - at)


def _p99(times: list[float]) -> float:
    return sorted(times)[int(0.99 * len(times)) - 1]
