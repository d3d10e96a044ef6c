"""A task whose payload lies in the blob store: opened when it is run, and carried on by its reference."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts import BlobReference, Catalog, DeadLetter, Envelope, Position
from handlers.dead_letters.payloads import LetterPayloads
from handlers.delivery import End, TargetFailed
from handlers.effect import Delivery
from stores import BlobMissing
from stores.blob_location import open_blobs
from stores.local import LocalBlobs
from tests.handlers.conftest import START, Note, Service

NOTE = Note(id="n1", realtime=False)
PAYLOAD = NOTE.to_payload()
REFERENCE = BlobReference.of(PAYLOAD, owner="u1")
LATER = START + timedelta(days=14)


def referring(service: Service) -> Envelope:
    return service.seal(NOTE).carrying(REFERENCE.encode())


async def handled(service: Service, envelope: Envelope) -> tuple[int, str]:
    """By a pipeline without its app, so that a test may change what it uses."""
    reply = await service.pipeline.handle(service.request(envelope))
    return reply.status, reply.word


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[LocalBlobs]:
    async with open_blobs(str(tmp_path / "blobs"), project="p") as opened:
        assert isinstance(opened, LocalBlobs)
        yield opened


async def test_the_effect_gets_the_payload_and_the_next_attempt_the_reference(
    service: Service, blobs: LocalBlobs
) -> None:
    got: list[Note] = []

    async def failing(note: Note, _: Delivery) -> End:
        got.append(note)
        return TargetFailed("answered 500")

    service.effect = failing
    await blobs.put(REFERENCE, PAYLOAD, keep_until=LATER)
    assert (await service.post(referring(service).encode())).json() == {"outcome": "retry"}
    assert got == [NOTE]
    ((_, onward, _),) = service.created()
    assert onward == referring(service).at(Position(attempt=2, park=0))
    assert (await service.post(onward.encode())).json() == {"outcome": "retry"}
    assert got == [NOTE, NOTE]


async def test_a_blob_that_is_gone_is_dead_with_its_reason(service: Service) -> None:
    envelope = referring(service)
    assert (await service.post(envelope.encode())).json() == {"outcome": "dead"}
    (letter,) = service.letters()
    assert (letter.reason, letter.queue) == ("blob-missing", "developer-webhooks")
    assert REFERENCE.key in letter.detail
    assert Envelope.decode(letter.body) == envelope
    assert service.runs == []


async def test_a_blob_store_that_is_away_costs_the_task_nothing(
    service: Service, blobs: LocalBlobs, tmp_path: Path
) -> None:
    await blobs.put(REFERENCE, PAYLOAD, keep_until=LATER)
    async with open_blobs(str(tmp_path / "closed"), project="p") as closed:
        pass
    pipeline, service.pipeline = service.pipeline, replace(service.pipeline, blobs=closed)
    status, word = await handled(service, referring(service))
    assert (status, "closed" in word) == (500, True)
    service.pipeline = pipeline
    assert await handled(service, referring(service)) == (200, "done")
    assert [run.attempt for run in service.runs] == [1]


async def test_a_reference_that_is_none_is_undecodable(service: Service) -> None:
    envelope = service.seal(NOTE).carrying(b"blob:../../etc/passwd")
    assert (await service.post(envelope.encode())).json() == {"outcome": "dead"}
    assert [letter.reason for letter in service.letters()] == ["undecodable"]


async def test_a_blob_outlives_its_task_its_letter_and_its_replay(
    service: Service, blobs: LocalBlobs, catalog: Catalog
) -> None:
    """Incident I14."""
    queue = catalog.get("developer-webhooks")
    envelope = referring(service)
    await blobs.put(REFERENCE, PAYLOAD, keep_until=START + queue.blob_retention)
    died_at = START + queue.delivery.age_limit
    letter = DeadLetter.of(
        envelope, queue=queue.name, target="t", reason="gone", detail="", died_at=died_at, owner="u1"
    )
    assert await blobs.sweep(died_at + timedelta(days=7)) == 0

    await LetterPayloads(blobs, catalog).keep(letter)
    last = died_at + queue.dead_letter_retention
    assert await blobs.sweep(last - timedelta(seconds=1)) == 0
    assert await blobs.get(REFERENCE) == PAYLOAD
    assert await blobs.sweep(last + timedelta(seconds=1)) == 1
    await LetterPayloads(blobs, catalog).keep(letter)  # it is told in the log, and the letter is kept
    with pytest.raises(BlobMissing):
        await blobs.get(REFERENCE)


async def test_a_letter_of_a_queue_that_left_the_catalog_keeps_its_blob(
    service: Service, blobs: LocalBlobs, catalog: Catalog
) -> None:
    await blobs.put(REFERENCE, PAYLOAD, keep_until=START)
    letter = DeadLetter.of(
        referring(service), queue="former", target="t", reason="gone", detail="", died_at=START
    )
    await LetterPayloads(blobs, catalog).keep(letter)
    assert await blobs.sweep(START + timedelta(days=89)) == 0


async def test_a_letter_that_holds_its_payload_or_nothing_has_no_blob(
    service: Service, blobs: LocalBlobs, catalog: Catalog
) -> None:
    keeping = LetterPayloads(blobs, catalog)
    inline = DeadLetter.of(service.seal(NOTE), queue="q", target="t", reason="r", detail="", died_at=START)
    junk = DeadLetter.of_bytes(
        b"junk", type_name="x", task_name="7", queue="q", reason="r", detail="", died_at=datetime.now(UTC)
    )
    for letter in (inline, junk):
        await keeping.keep(letter)
    assert await blobs.erase("u1", dry_run=True) == 0
