"""The emulator's HTTP port in virtual time, to plain HTTP: `rest` sends, `target` receives the dispatches."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from emulator import Emulator, VirtualClock
from tests.emulator.running import QUEUE, Running, queue
from tests.emulator.target import Target


@pytest.fixture
async def emulator(running: Running, clock: VirtualClock, target: Target) -> AsyncIterator[Emulator]:
    async with running(clock=clock, sender=target, queues=[queue(QUEUE)]) as emulator:
        yield emulator


@pytest.fixture
async def rest(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{emulator.addresses.http}") as client:
        yield client
