"""Two hundred servers, a tenth of them dead and a tenth slow, beside the same all healthy: what it costs.

Real sockets, the real handlers in a process of their own, the catalog that is deployed. The load is open:
tasks come when they come, whatever has become of the ones before.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from aiohttp import web

from contracts import Catalog, Conversation, DeveloperWebhook, MemoryCreated, Structured, load_catalog
from stores import Endpoint, SigningKey
from tests.flow.world import SECRET, World, world
from tests.receiver import Received

CATALOG = Path(__file__).parents[2] / "infra/terraform/queues.yaml"
TARGETS = 200
ILL = 20
"""As many are dead as are slow; half of the dead refuse connections, half answer 503."""
SLOW_ANSWER = 10.0
"""Seconds."""
SECONDS = 30.0
"""Of one run."""
PAIRS = 5
WARM = 400
"""Tasks before a run begins."""
CROWD = 1500
"""Tasks of the run that says what all-healthy targets can take."""
MOST_DISPATCHES = 600
"""Connections from the emulator to the handlers: more than all queues may dispatch."""


@dataclass
class Deliveries:
    """What the servers saw: seconds from a task's moment to its delivery, by number."""

    ill: int
    due: dict[int, float] = field(default_factory=dict)
    took: dict[int, float] = field(default_factory=dict)
    """Of the targets that are healthy in a mixed run."""
    waiting: set[int] = field(default_factory=set)
    all_there: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: Received) -> web.Response:
        number = int(json.loads(request.body)["id"])
        target = int(request.path.removeprefix("/"))
        if target < self.ill:
            return web.Response(status=503)
        if target < 2 * self.ill:
            await asyncio.sleep(SLOW_ANSWER)
        elif number in self.waiting:
            self.waiting.remove(number)
            self.took[number] = asyncio.get_running_loop().time() - self.due[number]
            if not self.waiting:
                self.all_there.set()
        return web.Response()

    def p99(self) -> float:
        return sorted(self.took.values())[int(len(self.took) * 0.99)]


async def run(seed: int) -> str:
    """Returns the figures. Raises AssertionError if they are not what is promised."""
    logging.getLogger("handlers").setLevel(logging.WARNING)
    chance = random.Random(seed)
    capacity = await _capacity()
    pairs = []
    for _ in range(PAIRS):
        healthy = await _p99(ill=0, per_second=capacity / 2, chance=chance)
        mixed = await _p99(ill=ILL, per_second=capacity / 2, chance=chance)
        pairs.append((healthy, mixed))
    ratio = median(mixed / healthy for healthy, mixed in pairs)
    shown = ", ".join(f"{1000 * mixed:.0f}/{1000 * healthy:.0f}" for healthy, mixed in pairs)
    sentence = (
        f"{TARGETS} targets, {ILL} dead, {ILL} taking {SLOW_ANSWER:g} s, {capacity / 2:.0f} tasks a second "
        f"(all healthy they take {capacity:.0f}): p99 of the healthy {ratio:.2f} times that with all healthy "
        f"(median of {PAIRS} pairs, ms: {shown})"
    )
    assert ratio <= 1.5, sentence
    return sentence


async def _capacity() -> float:
    """Tasks a second that all-healthy targets take from a queue that is full."""
    async with _opened(ill=0) as (running, seen, catalog):
        await running.emulator.pause(catalog)
        loop = asyncio.get_running_loop()
        tasks = [_task(number % TARGETS, number) for number in range(CROWD)]
        seen.due = dict.fromkeys(range(CROWD), loop.time())
        seen.waiting = set(range(CROWD))
        await running.producer.enqueue_many(tasks)
        began = loop.time()
        for queue in ("developer-webhooks", "developer-webhooks-retry"):
            await running.emulator.resume(queue)
        await asyncio.wait_for(seen.all_there.wait(), timeout=120)
        return CROWD / (loop.time() - began)


async def _p99(*, ill: int, per_second: float, chance: random.Random) -> float:
    async with _opened(ill=ill) as (running, seen, _):
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            moment = began = loop.time()
            number = 0
            while moment < began + SECONDS:
                moment += chance.expovariate(per_second)
                await asyncio.sleep(moment - loop.time())
                target = chance.randrange(TARGETS)
                seen.due[number] = moment
                if target >= 2 * ILL:
                    seen.waiting.add(number)
                group.create_task(running.producer.enqueue(_task(target, number)))
                number += 1
        if seen.waiting:
            seen.all_there.clear()
            await asyncio.wait_for(seen.all_there.wait(), timeout=60)
        return seen.p99()


@asynccontextmanager
async def _opened(*, ill: int) -> AsyncIterator[tuple[World, Deliveries, Catalog]]:
    catalog = await asyncio.to_thread(load_catalog, CATALOG)
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = "http://{}:{}".format(*closed.getsockname())
        closed.close()
        async with world(
            Path(folder),
            catalog,
            CATALOG,
            factory="handlers.app:create_app",
            environment={},
            connections=MOST_DISPATCHES,
        ) as running:
            for number in range(TARGETS):
                url = nobody if number < ill // 2 else running.receiver.url
                await running.stores.directory.put_endpoint(
                    Endpoint(
                        uid=str(number),
                        kind="memory_created",
                        url=f"{url}/{number}",
                        keys=(SigningKey(secret=SECRET),),
                    )
                )
            running.receiver.respond = await _warm(running)
            seen = Deliveries(ill=ill)
            running.receiver.respond = seen
            yield running, seen, catalog


async def _warm(running: World) -> Deliveries:
    """A service that runs: every target that can be reached has been, while it was well."""
    seen = Deliveries(ill=0)
    running.receiver.respond = seen
    loop = asyncio.get_running_loop()
    for number in range(-WARM, 0):
        seen.due[number] = loop.time()
        seen.waiting.add(number)
    await running.producer.enqueue_many(
        [_task(-number % (TARGETS - ILL) + ILL, number) for number in seen.due]
    )
    await asyncio.wait_for(seen.all_there.wait(), timeout=60)
    return seen


def _task(target: int, number: int) -> DeveloperWebhook:
    told = Conversation(id=str(number), created_at=datetime.now(UTC), structured=Structured(title="A walk"))
    return DeveloperWebhook(uid=str(target), event=MemoryCreated(conversation=told))
