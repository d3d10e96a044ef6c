"""Blobs of open dead letters are kept on by whoever calls the route daily, be there ever so many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from contracts import BlobReference, Catalog, DeadLetter, Envelope
from handlers.dead_letters.sweep import sweep
from stores.blob_location import open_blobs
from stores.local import LocalBlobs
from tests.handlers.conftest import ADMIN, START, Clock, Note, Service

RETENTION = timedelta(days=90)
"""Of dead letters in the catalog of production."""
PAYLOADS = {name: f"payload of {name}".encode() for name in "abcdefgh"}


def reference(name: str) -> BlobReference:
    return BlobReference.of(PAYLOADS[name], owner="u1")


@pytest.fixture
async def blobs(tmp_path: Path, service: Service) -> AsyncIterator[LocalBlobs]:
    """Each is of a dead letter, and kept for an hour."""
    async with open_blobs(str(tmp_path / "blobs"), project="p") as opened:
        assert isinstance(opened, LocalBlobs)
        for name in PAYLOADS:
            await opened.put(reference(name), PAYLOADS[name], keep_until=START + timedelta(hours=1))
            envelope = Envelope.seal(Note(id=name, realtime=False), accepted_at=START)
            letter = DeadLetter.of(
                envelope.carrying(reference(name).encode()),
                queue="developer-webhooks",
                target="t",
                reason="gone",
                detail="",
                died_at=START,
            )
            await service.stores.dead_letters.add(letter)
        yield opened


async def test_the_route_keeps_those_of_open_letters_and_removes_the_others(
    service: Service, blobs: LocalBlobs
) -> None:
    needless = BlobReference.of(b"needless", owner="u1")
    await blobs.put(needless, b"needless", keep_until=START + timedelta(hours=1))
    service.clock.forward(days=1)
    headers = {"Authorization": f"Bearer {service.issuer.token(email=ADMIN)}"}
    answer = await service.client.post("/admin/blobs/sweep", headers=headers)
    assert answer.json() == {"open_letters": len(PAYLOADS), "removed": 1, "complete": True}
    last = service.clock.now + RETENTION
    assert await blobs.sweep(last - timedelta(seconds=1)) == 0
    assert await blobs.sweep(last + timedelta(seconds=1)) == len(PAYLOADS)


async def test_runs_that_cannot_come_to_the_end_come_to_every_letter(
    service: Service, blobs: LocalBlobs, catalog: Catalog
) -> None:
    clock = Clock(START + timedelta(days=1))

    def ticking() -> datetime:
        clock.forward(seconds=1)
        return clock.now

    starts = iter(number / 16 for number in range(16))
    for _ in range(16):
        done = await sweep(
            service.stores.dead_letters,
            blobs,
            catalog,
            clock=ticking,
            random=starts.__next__,
            within=timedelta(seconds=4),
        )
        assert (done.open_letters, done.removed, done.complete) == (3, None, False)
    assert await blobs.sweep(START + RETENTION) == 0
