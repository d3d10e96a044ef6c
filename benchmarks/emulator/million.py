"""One million pending tasks: resident memory, restart to first dispatch, and the rate of dispatch.

The store is filled by inserting rows through the emulator's own tables, in a few transactions, since a
million creates would take ten minutes; the tasks are named, carry 200 bytes and are due. The server is then
started with its eight queues running: the time from starting the process to the first request at the receiver
is the restart, and its memory is the most that was ever resident until the end. For the rate, the queues are
resumed and paused again: the time from the first to the thousandth request, in turn with a second server that
has one thousand pending. Those are of the same size and put there by BatchCreateTasks, whose tasks wait on
disk as the million do; a task created alone is still in memory and goes faster. Each queue has at most 8
dispatches at a time, so that both servers have as much under way: otherwise the million's would work at up to
two thousand others while its first thousand are timed.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from google.cloud.tasks_v2 import (
    BatchCreateTasksRequest,
    CloudTasksAsyncClient,
    CreateTaskRequest,
    HttpRequest,
    RateLimits,
    Task,
)
from rich.console import Console

from benchmarks.emulator.load import make_queues, tasks_client
from benchmarks.emulator.receiver import Receiver, receiving
from benchmarks.processes import ServerProcess, peak_resident_bytes, python, sidelane_up
from benchmarks.rounds import Figure, Options, Side, compare
from emulator.tasks import tables

PENDING = 1_000_000
QUEUES = 8
MEASURED = 1000
"""Dispatches in one burst."""
PER_QUEUE = MEASURED // QUEUES
BODY = os.urandom(200)
BURSTS = 5
"""Of each, in a round."""
LIMITS = RateLimits(max_concurrent_dispatches=8)
MEMORY_TARGET = 600.0
RESTART_TARGET = 15.0
RATE_TARGET = 0.8


class Backlog:
    """A server whose queues are paused, and what waits in them."""

    def __init__(self, client: CloudTasksAsyncClient, queues: Sequence[str], receiver: Receiver) -> None:
        self._client = client
        self._queues = queues
        self._receiver = receiver

    async def rate(self, *, fill: bool) -> float:
        """Dispatches a second, of one burst; with `fill`, its tasks are created before it."""
        if fill:
            await self._fill()
        self._receiver.clear()
        await asyncio.gather(*(self._client.resume_queue(name=name) for name in self._queues))
        await self._receiver.received(MEASURED, within=60)
        times = self._receiver.times[:MEASURED]
        await self.pause()
        return (MEASURED - 1) / (times[-1] - times[0])

    async def _fill(self) -> None:
        for queue in self._queues:
            tasks = [
                Task(http_request=HttpRequest(url=self._receiver.url, body=BODY)) for _ in range(PER_QUEUE)
            ]
            requests = [CreateTaskRequest(task=task) for task in tasks]
            for start in range(0, PER_QUEUE, 25):
                part = requests[start : start + 25]
                await self._client.batch_create_tasks(BatchCreateTasksRequest(parent=queue, requests=part))

    async def pause(self) -> None:
        """Pause every queue, and return when nothing comes any more."""
        await asyncio.gather(*(self._client.pause_queue(name=name) for name in self._queues))
        seen = -1
        while seen != len(self._receiver.times):
            seen = len(self._receiver.times)
            await asyncio.sleep(0.3)


async def run(options: Options, console: Console) -> list[Figure]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        receiver = await stack.enter_async_context(receiving())
        async with serving(folder / "million") as (_, client):
            queues = await make_queues(client, QUEUES, limits=LIMITS)
        filling = await asyncio.to_thread(fill, folder / "million" / "emulator.db", receiver.url)
        console.print(f"filled {PENDING:,} tasks in {filling:.1f} s")

        began = time.monotonic()
        server, client = await stack.enter_async_context(serving(folder / "million"))
        await receiver.received(1, within=120)
        restart = receiver.times[0] - began
        million = Backlog(client, queues, receiver)
        await million.pause()

        _, small_client = await stack.enter_async_context(serving(folder / "thousand"))
        await make_queues(small_client, QUEUES, paused=True, limits=LIMITS)
        thousand = Backlog(small_client, queues, receiver)
        rate = await compare(
            "million: rate of dispatch",
            Side(label="a million", measure=lambda: million.rate(fill=False)),
            Side(label="a thousand", measure=lambda: thousand.rate(fill=True)),
            unit="dispatches/s",
            target=RATE_TARGET,
            rounds=options.rounds,
            console=console,
            slices=BURSTS,
        )
        memory = peak_resident_bytes(server.pid) / 1e6
        return [
            Figure(name="million: memory", value=memory, target=MEMORY_TARGET, unit="MB", at_most=True),
            Figure(name="million: restart", value=restart, target=RESTART_TARGET, unit="s", at_most=True),
            rate,
        ]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[ServerProcess, CloudTasksAsyncClient]]:
    """Our server on the folder, and a client on it; killed at the end."""
    async with (
        python(*sidelane_up(folder)) as server,
        tasks_client(server.fields["tasks"]) as client,
    ):
        yield server, client


def fill(path: Path, url: str) -> float:
    """Insert `PENDING` tasks that are due into the eight queues. Returns the seconds it took."""
    began, now = time.monotonic(), time.time()
    connection = sqlite3.connect(path, isolation_level=None)
    queues = [(key, name) for key, name, _ in tables.queues(connection) if "/bench-" in name]
    for start in range(0, PENDING, 100_000):
        connection.execute("BEGIN")
        for number in range(start, start + 100_000):
            key, name = queues[number % len(queues)]
            task_id = f"{number * 2_654_435_761 % 2**32:08x}-{number}"  # spread, as good task ids are
            task = Task.pb()(name=f"{name}/tasks/{task_id}", http_request=_request(url))
            task.dispatch_deadline.seconds = 600
            task.create_time.seconds = int(now)
            tables.insert_task(
                connection,
                queue=key,
                task_id=task_id,
                created_at=now,
                schedule_time=now,
                message=task.SerializeToString(),
            )
        connection.execute("COMMIT")
    connection.close()
    return time.monotonic() - began


def _request(url: str) -> object:
    return HttpRequest.pb()(url=url, http_method=1, headers={"User-Agent": "Google-Cloud-Tasks"}, body=BODY)
