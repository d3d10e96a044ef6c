"""A call that waits: it takes nothing for a caller who has left, and does not hold up the emulator's end."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from emulator import Emulator, VirtualClock

TOPIC = "/v1/projects/sidelane-local/topics/topic"
SUBSCRIPTION = "/v1/projects/sidelane-local/subscriptions/subscription"


@pytest.fixture
async def pull(rest: httpx.AsyncClient, clock: VirtualClock) -> asyncio.Task[httpx.Response]:
    """A pull that waits for a message."""
    await rest.put(TOPIC, json={})
    await rest.put(SUBSCRIPTION, json={"topic": TOPIC.removeprefix("/v1/")})
    pull = asyncio.create_task(rest.post(f"{SUBSCRIPTION}:pull", json={"maxMessages": 1}))
    await under_way(rest, 1)
    return pull


async def under_way(rest: httpx.AsyncClient, count: int) -> None:
    """Return once so many calls to Pub/Sub are."""
    async with asyncio.timeout(10):
        while f"pubsub_rest_under_way {count}.0" not in (await rest.get("/metrics")).text:
            continue


async def test_a_caller_who_left_is_sent_nothing(
    rest: httpx.AsyncClient, pull: asyncio.Task[httpx.Response]
) -> None:
    pull.cancel()
    await asyncio.gather(pull, return_exceptions=True)
    await under_way(rest, 0)
    await rest.post(f"{TOPIC}:publish", json={"messages": [{"data": "aGk="}]})
    again = await rest.post(f"{SUBSCRIPTION}:pull", json={"maxMessages": 1})
    assert again.json()["receivedMessages"][0]["message"]["data"] == "aGk="


async def test_a_waiting_call_ends_with_the_emulator(
    emulator: Emulator, pull: asyncio.Task[httpx.Response], caplog: pytest.LogCaptureFixture
) -> None:
    await emulator.aclose()
    response = await pull
    assert response.status_code == 503
    assert response.json()["error"] == {
        "code": 503,
        "message": "The emulator is shutting down.",
        "status": "UNAVAILABLE",
    }
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
