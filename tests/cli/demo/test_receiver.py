"""The receiver answers as each kind of endpoint does, and counts what it took."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from cli.demo.endpoints import EndpointKind
from cli.demo.receiver import MAX_BODY_BYTES, SLOW_SECONDS, Receipts, Receiver


@dataclass
class Naps:
    """Sleeps that are over at once."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
async def receiver(naps: Naps) -> AsyncIterator[Receiver]:
    async with Receiver(sleep=naps) as running:
        yield running


@pytest.fixture
async def client(receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=receiver.url, trust_env=False) as opened:
        yield opened


async def deliver(client: httpx.AsyncClient, kind: EndpointKind, *delivery_ids: str) -> list[int]:
    answers = [
        await client.post(f"/{kind}/memory_created?uid=u", headers={"webhook-id": each}, content=b"{}")
        for each in delivery_ids
    ]
    return [answer.status_code for answer in answers]


async def test_good_takes_everything_and_counts_repetitions(
    receiver: Receiver, client: httpx.AsyncClient
) -> None:
    assert await deliver(client, EndpointKind.GOOD, "a", "b", "a", "a") == [200] * 4
    expected = Receipts(requests=4, delivered=frozenset({"a", "b"}), duplicates=2)
    assert receiver.receipts(EndpointKind.GOOD) == expected


async def test_slow_takes_its_time(receiver: Receiver, client: httpx.AsyncClient, naps: Naps) -> None:
    assert await deliver(client, EndpointKind.SLOW, "a") == [200]
    assert naps.seconds == [SLOW_SECONDS]
    assert receiver.receipts(EndpointKind.SLOW).delivered == {"a"}


async def test_flaky_fails_twice_for_every_delivery(receiver: Receiver, client: httpx.AsyncClient) -> None:
    assert await deliver(client, EndpointKind.FLAKY, "a", "a", "b", "a", "b") == [503, 503, 503, 200, 503]
    expected = Receipts(requests=5, delivered=frozenset({"a"}), duplicates=0)
    assert receiver.receipts(EndpointKind.FLAKY) == expected


@pytest.mark.parametrize(("kind", "status"), [(EndpointKind.DEAD, 500), (EndpointKind.GONE, 410)])
async def test_broken_endpoints_deliver_once_they_are_repaired(
    receiver: Receiver, client: httpx.AsyncClient, kind: EndpointKind, status: int
) -> None:
    assert await deliver(client, kind, "a", "a") == [status, status]
    assert receiver.receipts(kind).delivered == frozenset()
    receiver.repair()
    assert await deliver(client, kind, "a") == [200]
    expected = Receipts(requests=3, delivered=frozenset({"a"}), duplicates=0)
    assert receiver.receipts(kind) == expected


async def test_a_request_that_is_no_delivery_is_refused_and_not_counted(
    receiver: Receiver, client: httpx.AsyncClient
) -> None:
    assert (await client.post("/good/memory_created")).status_code == 400
    headers = {"webhook-id": "a"}
    assert (await client.post("/unheard-of/memory_created", headers=headers)).status_code == 404
    too_large = await client.post("/good/x", headers=headers, content=bytes(MAX_BODY_BYTES + 1))
    assert too_large.status_code == 413
    assert receiver.receipts(EndpointKind.GOOD).requests == 0
