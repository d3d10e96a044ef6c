"""A lane to a real server in the shape of a language model, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lanes import LLM, HttpLane
from producers.models import HttpModel
from tests.receiver import Receiver, receiver


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    async with receiver() as running:
        yield running


@pytest.fixture
async def lane() -> AsyncIterator[HttpLane]:
    async with HttpLane(LLM.model_copy(update={"deadline": 5.0}), name="llm") as opened:
        yield opened


@pytest.fixture
def model(lane: HttpLane, service: Receiver) -> HttpModel:
    return HttpModel(lane, base_url=service.url, model="small", key="k-1")
