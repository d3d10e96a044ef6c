"""Kills a real emulator while tasks stream in and out, and looks for what is lost; no test by itself."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from google.api_core.exceptions import AlreadyExists, GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksAsyncClient, RateLimits, RetryConfig

from tests.emulator.process import up
from tests.emulator.running import LOCATION, QUEUE, queue, task, tasks_client

WORKERS = 16
ATTEMPTS_OF_THE_DOOMED = 2

DOOMED_QUEUE = f"{LOCATION}/queues/doomed"
SOON = {"min_backoff": {"nanos": 1_000_000}, "max_backoff": {"nanos": 50_000_000}}
FEW_AT_A_TIME = RateLimits(max_concurrent_dispatches=2)  # so that kills find tasks waiting
QUEUES = (
    queue(QUEUE, retry_config=RetryConfig(max_attempts=-1, **SOON), rate_limits=FEW_AT_A_TIME),
    queue(DOOMED_QUEUE, retry_config=RetryConfig(max_attempts=ATTEMPTS_OF_THE_DOOMED, **SOON)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """Of a run without loss: tasks acknowledged, and those found waiting after a kill, each time counted."""

    acknowledged: int
    waited: int


class Target:
    """Counts what it received by task name. It fails one dispatch in five, and every one of the doomed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._news = asyncio.Condition()
        self.delivered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The URL at which it receives."""
        app = web.Application()
        app.router.add_post("/", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()

    async def handle(self, request: web.Request) -> web.Response:
        name = request.headers["X-CloudTasks-TaskName"]
        doomed = request.headers["X-CloudTasks-QueueName"] == "doomed"
        fails = doomed or self._chance.random() < 0.2
        async with self._news:
            (self.failed if fails else self.delivered)[name] += 1
            self._news.notify_all()
        return web.Response(status=500 if fails else 200)

    def dead(self) -> set[str]:
        """The doomed that had all their attempts, as far as the target can tell."""
        return {
            name
            for name, count in self.failed.items()
            if name.startswith("doomed") and count >= ATTEMPTS_OF_THE_DOOMED
        }

    async def settled(self, names: set[str]) -> None:
        """Return once each of the tasks is delivered or dead."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: names <= self.delivered.keys() | self.dead())


class Stream:
    """Creates named tasks from several workers until the emulator dies."""

    def __init__(self, target_url: str) -> None:
        self._target_url = target_url
        self._created = 0
        self.acknowledged: set[str] = set()
        self.unanswered: list[str] = []

    async def run(self, client: CloudTasksAsyncClient, *, kill_after: int, kill: Callable[[], None]) -> None:
        """Stream; call `kill` after so many acknowledgements, and return when every worker noticed."""
        goal = len(self.acknowledged) + kill_after

        async def worker() -> None:
            while True:
                if not await self._create(client):
                    return
                if len(self.acknowledged) >= goal:
                    kill()

        await asyncio.gather(*(worker() for _ in range(WORKERS)))

    async def _create(self, client: CloudTasksAsyncClient) -> bool:
        """One task: a new one, or again one whose create was not answered. False if the emulator is gone."""
        name = self.unanswered.pop() if self.unanswered else self._next_name()
        queue_name = DOOMED_QUEUE if name.startswith("doomed") else QUEUE
        try:
            await client.create_task(
                parent=queue_name, task=task(f"{queue_name}/tasks/{name}", self._target_url), timeout=5
            )
        except AlreadyExists:
            pass  # the create before was recorded, though not answered
        except GoogleAPICallError:
            self.unanswered.append(name)
            return False
        self.acknowledged.add(name)
        return True

    def _next_name(self) -> str:
        self._created += 1
        return f"{'doomed' if self._created % 10 == 0 else 'task'}-{self._created}"


async def waiting(client: CloudTasksAsyncClient) -> set[str]:
    names = set()
    for queue_name in (QUEUE, DOOMED_QUEUE):
        pager = await client.list_tasks(parent=queue_name)
        names |= {found.name.rpartition("/")[2] async for found in pager}
    return names


async def kill_again_and_again(folder: Path, *, times: int, seed: int) -> Killed:
    """Kill at random moments, restart and look for what is missing; at last let all of it end.

    Raises AssertionError if anything that was acknowledged is missing, or does not end.
    """
    chance = random.Random(seed)
    target = Target(chance)
    async with target.serving() as url:
        stream = Stream(url)
        waited = await _kill(folder, target, stream, chance, times)
    doomed = {name for name in stream.acknowledged if name.startswith("doomed")}
    assert doomed <= target.dead()
    assert stream.acknowledged - doomed <= target.delivered.keys()
    return Killed(acknowledged=len(stream.acknowledged), waited=waited)


async def _kill(folder: Path, target: Target, stream: Stream, chance: random.Random, times: int) -> int:
    """Returns how many tasks were ever found waiting after a kill."""
    waited = 0

    for kills in range(times + 1):
        async with up(folder) as process, tasks_client(process.addresses.tasks) as client:
            if kills == 0:
                for made in QUEUES:
                    await client.create_queue(parent=LOCATION, queue=made)
            still_waiting = await waiting(client)  # listed first: what is missing had ended before
            lost = stream.acknowledged - still_waiting - target.delivered.keys() - target.dead()
            assert lost == set(), f"after {kills} kills"
            waited += len(stream.acknowledged & still_waiting)
            if kills < times:
                await stream.run(client, kill_after=chance.randint(1, 150), kill=process.kill)
            else:
                await target.settled(stream.acknowledged)
                process.signal(signal.SIGTERM)
                assert await process.wait() == 0
    return waited
