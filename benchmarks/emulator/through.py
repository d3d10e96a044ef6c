"""create, dispatch over HTTP, delete, against PyPI's `gcloud-tasks-emulator`, which keeps tasks in memory.

The same driver creates named tasks of 1 kB with Google's async client, 64 in flight, and is their receiver;
a measurement ends when every task was received and none is listed any more. Once with a handler that answers
at once, once with one that takes 50 ms. Ours commits each create and each end to disk. Ours gets eight
queues, as a queue has at most 500 dispatches a second; the peer gets one, as it has a thread for each queue
and the figure is about one dispatch at a time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from google.cloud.tasks_v2 import CloudTasksAsyncClient, ListTasksRequest
from rich.console import Console

from benchmarks.emulator.load import Load, make_queues, tasks_client
from benchmarks.emulator.peer import install, peer_up
from benchmarks.emulator.receiver import Receiver, receiving
from benchmarks.processes import python, sidelane_up
from benchmarks.rounds import Figure, Options, Side, compare

QUEUES = 8
SLOW = 0.05
"""Seconds that the slow handler takes."""
TARGET = 1.3
TARGET_SLOW = 40.0


class Through:
    """One emulator under the driver."""

    def __init__(self, client: CloudTasksAsyncClient, queues: Sequence[str], receiver: Receiver) -> None:
        self._client = client
        self._queues = queues
        self._receiver = receiver
        self._load = Load(client, queues, receiver.url)

    async def rate(self, count: int) -> float:
        """Let `count` tasks through. Returns tasks a second."""
        self._receiver.clear()
        began = time.monotonic()
        await self._load.count(count)
        await self._receiver.received(count, within=120)
        for queue in self._queues:
            while await self._is_listed(queue):  # noqa: ASYNC110 - the peer tells nobody
                await asyncio.sleep(0.005)
        return count / (time.monotonic() - began)

    async def _is_listed(self, queue: str) -> bool:
        pager = await self._client.list_tasks(ListTasksRequest(parent=queue, page_size=1))
        async for _ in pager:
            return True
        return False


async def run(options: Options, console: Console) -> list[Figure]:
    await install()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        receiver = await stack.enter_async_context(receiving())
        server = await stack.enter_async_context(python(*sidelane_up(folder)))
        our_client = await stack.enter_async_context(tasks_client(server.fields["tasks"]))
        peer_client = await stack.enter_async_context(
            tasks_client(await stack.enter_async_context(peer_up()))
        )
        ours = Through(our_client, await make_queues(our_client, QUEUES), receiver)
        peer = Through(peer_client, await make_queues(peer_client, 1), receiver)
        count, peer_slow_count = max(100, round(1000 * options.seconds)), max(5, round(20 * options.seconds))
        for side in (ours, peer):
            await side.rate(500)  # warms up both
        no_op = await compare(
            "through, no-op handler",
            Side(label="ours", measure=lambda: ours.rate(count)),
            Side(label="peer", measure=lambda: peer.rate(count)),
            unit="tasks/s",
            target=TARGET,
            rounds=options.rounds,
            console=console,
        )
        receiver.delay = SLOW
        slow = await compare(
            "through, 50 ms handler",
            Side(label="ours", measure=lambda: ours.rate(count)),
            Side(label="peer", measure=lambda: peer.rate(peer_slow_count)),
            unit="tasks/s",
            target=TARGET_SLOW,
            rounds=options.rounds,
            console=console,
        )
        return [no_op, slow]
