"""Kills a real emulator while batches stream in: a batch is there as a whole, with its operation, or not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.tasks_v2 import CloudTasksAsyncClient

from tests.emulator.process import up
from tests.emulator.running import LOCATION, QUEUE, queue, task, tasks_client

KILLS = 4
WORKERS = 8
SIZE = 10


class Batches:
    """Creates batches of named tasks, each under a request_id of its own, until the emulator dies."""

    def __init__(self) -> None:
        self.sent = 0
        self.acknowledged: dict[str, str] = {}  # operation names by request_id
        self.unanswered: list[str] = []

    async def stream(
        self, client: CloudTasksAsyncClient, *, kill_after: int, kill: Callable[[], None]
    ) -> None:
        goal = len(self.acknowledged) + kill_after

        async def worker() -> None:
            while await self._create(client):
                if len(self.acknowledged) >= goal:
                    kill()

        await asyncio.gather(*(worker() for _ in range(WORKERS)))

    async def finish(self, client: CloudTasksAsyncClient) -> None:
        while self.unanswered:
            assert await self._create(client)

    def tasks(self) -> set[str]:
        return {f"{QUEUE}/tasks/{batch}-{number}" for batch in self.acknowledged for number in range(SIZE)}

    async def _create(self, client: CloudTasksAsyncClient) -> bool:
        """A new batch, or again one that was not answered. False if the emulator is gone."""
        if self.unanswered:
            batch = self.unanswered.pop()
        else:
            self.sent += 1
            batch = f"batch-{self.sent}"
        requests = [{"parent": QUEUE, "task": task(f"{batch}-{number}")} for number in range(SIZE)]
        try:
            operation = await client.batch_create_tasks(
                {"parent": QUEUE, "requests": requests, "request_id": batch}, timeout=5
            )
        except GoogleAPICallError:
            self.unanswered.append(batch)
            return False
        assert not operation.metadata.failed_requests  # though the batch may have been done before
        assert len((await operation.result()).tasks) == SIZE
        self.acknowledged[batch] = operation.operation.name
        return True


async def listed(client: CloudTasksAsyncClient) -> set[str]:
    return {found.name async for found in await client.list_tasks(parent=QUEUE)}


@pytest.mark.timeout(120)
async def test_a_batch_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    chance = random.Random(20_251_124)
    batches = Batches()
    for kills in range(KILLS + 1):
        async with up(tmp_path) as process, tasks_client(process.addresses.tasks) as client:
            if kills == 0:
                await client.create_queue(parent=LOCATION, queue=queue(QUEUE))
                await client.pause_queue(name=QUEUE)
            found = await listed(client)
            assert batches.tasks() <= found
            assert len(found) % SIZE == 0
            for name in batches.acknowledged.values():
                assert (await client.get_operation({"name": name})).done
            if kills < KILLS:
                await batches.stream(client, kill_after=chance.randint(1, 40), kill=process.kill)
            else:
                await batches.finish(client)
                assert await listed(client) == batches.tasks()
                assert len(batches.acknowledged) == batches.sent
