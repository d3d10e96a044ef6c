"""An HTTP lane beside stock httpx and bare aiohttp: 2 kB POSTs to a receiver that answers after 50 ms.

One process calls, on uvloop, and another one answers; connections are kept alive. The lane has all that a
webhook lane has: bound, places for each target, breaker, deadline, capped body, egress guard, callbacks for
metrics. The three take turns within each round, and who goes first rotates, so that a drift of the machine
hits them alike; a figure is the median of the rounds' ratios. Its CPU time counts the caller's process alone.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import median

import aiohttp
import httpx
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.processes import python
from benchmarks.rounds import Figure, Options
from lanes import LOCAL, WEBHOOKS, HttpLane, Request

MILLISECONDS = 50
BODY = b'{"memory": "' + b"x" * 2034 + b'"}'
HEADERS = {"Content-Type": "application/json", "webhook-id": "msg_1", "webhook-signature": "v1,g0hM9SsE="}
WARM_UP = 0.3
"""Seconds in which connections are made."""

Post = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Load:
    in_flight: int
    over_httpx: float
    """Requests per second, as a multiple of stock httpx's: the least that is promised."""
    over_aiohttp: float


LOADS = (Load(64, over_httpx=6.0, over_aiohttp=1 / 2), Load(256, over_httpx=10.0, over_aiohttp=1 / 3))


@asynccontextmanager
async def stock_httpx(url: str, in_flight: int) -> AsyncIterator[Post]:
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    async with httpx.AsyncClient(limits=limits, timeout=None) as client:

        async def post() -> int:
            return (await client.post(url, content=BODY, headers=HEADERS)).status_code

        yield post


@asynccontextmanager
async def bare_aiohttp(url: str, in_flight: int) -> AsyncIterator[Post]:
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post() -> int:
            async with session.post(url, data=BODY, headers=HEADERS) as response:
                await response.read()
                return response.status

        yield post


@asynccontextmanager
async def http_lane(url: str, in_flight: int) -> AsyncIterator[Post]:
    sized = {"max_connections": in_flight, "max_per_target": in_flight}
    counts: Counter[str] = Counter()

    def on_end(end: str, seconds: float) -> None:
        counts[end] += 1
        counts["seconds"] += int(seconds)

    def on_wait(seconds: float) -> None:
        counts["waited"] += seconds > 0

    settings = WEBHOOKS.model_copy(update=sized)
    async with HttpLane(settings, egress=LOCAL, on_end=on_end, on_wait=on_wait) as lane:

        async def post() -> int:
            request = Request(method="POST", url=url, params={"uid": "u1"}, headers=HEADERS, content=BODY)
            return (await lane.send(request)).status

        yield post


SIDES = {"HttpLane": http_lane, "httpx": stock_httpx, "aiohttp": bare_aiohttp}


@dataclass(frozen=True, slots=True)
class Measured:
    rate: float
    """Requests per second."""
    cpu: float
    """Microseconds per request."""


async def measured(post: Post, in_flight: int, seconds: float) -> Measured:
    async def caller(until: float) -> int:
        done = 0
        while time.monotonic() < until:
            if await post() != 200:
                raise RuntimeError("the receiver answered something else than 200")
            done += 1
        return done

    async def callers(duration: float) -> int:
        until = time.monotonic() + duration
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(caller(until)) for _ in range(in_flight)]
        return sum(task.result() for task in running)

    await callers(WARM_UP)
    began, used = time.monotonic(), time.process_time()
    done = await callers(seconds)
    return Measured(done / (time.monotonic() - began), 1e6 * (time.process_time() - used) / done)


async def compared(load: Load, options: Options, console: Console) -> list[Figure]:
    table = Table(
        "round",
        *(f"{name} {unit}" for name in SIDES for unit in ("/s", "µs")),
        "of httpx",
        "of aiohttp",
        "load average",
        title=f"http, {load.in_flight} in flight",
    )
    of_httpx: list[float] = []
    of_aiohttp: list[float] = []
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(
            python("-m", "benchmarks.lanes.slow_receiver", str(MILLISECONDS))
        )
        url = receiver.fields["url"]
        posts = {
            name: await stack.enter_async_context(side(url, load.in_flight)) for name, side in SIDES.items()
        }
        for number in range(options.rounds):
            first = number % len(posts)
            order = [*posts][first:] + [*posts][:first]
            round_ = {name: await measured(posts[name], load.in_flight, options.seconds) for name in order}
            ours = round_["HttpLane"].rate
            of_httpx.append(ours / round_["httpx"].rate)
            of_aiohttp.append(ours / round_["aiohttp"].rate)
            cells = (cell for name in SIDES for cell in (round_[name].rate, round_[name].cpu))
            table.add_row(
                str(number + 1),
                *(f"{cell:,.0f}" for cell in cells),
                f"{of_httpx[-1]:.2f}",
                f"{of_aiohttp[-1]:.2f}",
                f"{os.getloadavg()[0]:.1f}",
            )
    console.print(table)
    where = f"HTTP lane, {load.in_flight} in flight"
    unit = "median ratio of requests per second"
    return [
        Figure(name=f"{where}: of httpx", value=median(of_httpx), target=load.over_httpx, unit=unit),
        Figure(name=f"{where}: of aiohttp", value=median(of_aiohttp), target=load.over_aiohttp, unit=unit),
    ]


def run(options: Options, console: Console) -> list[Figure]:
    return [figure for load in LOADS for figure in uvloop.run(compared(load, options, console))]
