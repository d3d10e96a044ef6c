"""The control API of a running emulator, called over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, RetryConfig
from google.protobuf.duration_pb2 import Duration

from emulator import AdjustableClock, Emulator, cloud_tasks_client
from tests.emulator.running import OTHER_QUEUE, QUEUE, Running, queue
from tests.emulator.target import Target

ONCE = RetryConfig(max_attempts=1)
HOURLY = RetryConfig(min_backoff=Duration(seconds=3600), max_backoff=Duration(seconds=3600))


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON of an answer."""

    status: int
    body: Any

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


Call = Callable[..., Coroutine[Any, Any, Answer]]
"""`call(verb, path, body)` under /emulator/v1/; a body that is not bytes is written as JSON."""


@pytest.fixture
async def clock() -> AdjustableClock:
    return AdjustableClock()


@pytest.fixture
async def target(clock: AdjustableClock) -> Target:
    return Target(clock)


@pytest.fixture
async def emulator(running: Running, clock: AdjustableClock, target: Target) -> AsyncIterator[Emulator]:
    queues = [queue(QUEUE, retry_config=ONCE), queue(OTHER_QUEUE, retry_config=HOURLY)]
    async with running(queues=queues, clock=clock, sender=target) as emulator:
        yield emulator
        await target.release()


@pytest.fixture
async def client(emulator: Emulator) -> CloudTasksAsyncClient:
    return await cloud_tasks_client(emulator.channel)


@pytest.fixture
async def call(emulator: Emulator) -> AsyncIterator[Call]:
    async with aiohttp.ClientSession() as session:

        async def call(verb: str, path: str, body: Any = None, **query: str) -> Answer:
            content = {"data": body} if isinstance(body, bytes) else {"json": body}
            url = f"http://{emulator.addresses.http}/emulator/v1/{path}"
            async with session.request(verb, url, params=query, **content) as response:
                return Answer(response.status, await response.json())

        yield call
