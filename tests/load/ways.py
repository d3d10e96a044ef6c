"""The ways in which the app under test calls its downstream: through a lane, or as it must not be done.

The others are planted so that the test shows that it can fail.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import requests

from lanes import HttpLane, Lanes, Request

_GIVE_UP = 60.0
"""Seconds; a blocking client is never without a time-out, not even here."""
_POOL = 4
"""Threads."""
_NAP = 0.3
"""Seconds: a little more than what the lag probe takes for a stall."""


def blocking_call(url: str) -> int:
    return requests.post(url, timeout=_GIVE_UP).status_code


@dataclass(frozen=True, slots=True)
class Way:
    work: Callable[[Lanes, HttpLane, str], Awaitable[int]]
    """Call the downstream, and return the status of its answer."""
    healthy: Callable[[], Awaitable[object]]
    """What a request does that calls nobody."""


async def _nothing() -> None:
    return None


async def _lane(_: Lanes, lane: HttpLane, url: str) -> int:
    return (await lane.send(Request(method="POST", url=url))).status


async def _requests(_: Lanes, __: HttpLane, url: str) -> int:
    return requests.post(url, timeout=_GIVE_UP).status_code  # noqa: ASYNC210 (planted)


async def _join(_: Lanes, __: HttpLane, url: str) -> int:
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(blocking_call(url)), daemon=True)
    thread.start()
    thread.join()
    return statuses[0]


async def _sleep(_: Lanes, lane: HttpLane, url: str) -> int:
    time.sleep(_NAP)  # noqa: ASYNC251 (planted)
    return (await lane.send(Request(method="POST", url=url))).status


async def _to_thread(_: Lanes, __: HttpLane, url: str) -> int:
    return await asyncio.to_thread(blocking_call, url)


async def _client_per_call(_: Lanes, __: HttpLane, url: str) -> int:
    async with httpx.AsyncClient(timeout=_GIVE_UP) as client:
        return (await client.post(url)).status_code


async def _same_pool(lanes: Lanes, _: HttpLane, url: str) -> int:
    return await lanes.critical.run(lambda: lanes.critical.submit(blocking_call, url).result())


def _same_plain_pool() -> Way:
    pool = ThreadPoolExecutor(_POOL)

    async def work(_: Lanes, __: HttpLane, url: str) -> int:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, lambda: pool.submit(blocking_call, url).result())

    async def healthy() -> None:
        await asyncio.get_running_loop().run_in_executor(pool, lambda: None)

    return Way(work, healthy)


WAYS: Mapping[str, Callable[[], Way]] = {
    "lane": lambda: Way(_lane, _nothing),
    "requests": lambda: Way(_requests, _nothing),
    "join": lambda: Way(_join, _nothing),
    "sleep": lambda: Way(_sleep, _nothing),
    "to-thread": lambda: Way(_to_thread, lambda: asyncio.to_thread(lambda: None)),
    "client-per-call": lambda: Way(_client_per_call, _nothing),
    "same-pool": lambda: Way(_same_pool, _nothing),
    "same-plain-pool": _same_plain_pool,
}
