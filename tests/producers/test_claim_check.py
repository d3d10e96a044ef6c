"""Payloads too large for a task, asked of the real producer and of the recording one alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from contracts import (
    TASK_TYPES,
    BlobReference,
    Envelope,
    Position,
    TaskRegistry,
)
from producers import (
    PayloadGone,
    Producer,
    TaskTooLarge,
)
from tests.producers.subject import Note, Subject
from tests.producers.tasks import audio

ACCEPTED_AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
async def producer(subject: Subject) -> AsyncIterator[Producer]:
    async with subject.build(TaskRegistry((*TASK_TYPES, Note))) as opened:
        yield opened


async def test_an_envelope_over_the_inline_limit_leaves_its_payload_in_the_blob_store(
    subject: Subject, producer: Producer
) -> None:
    small, large = audio(140_000), audio(150_000, sequence=2)
    receipt = await producer.enqueue(small)
    inline = Envelope.decode((await subject.look(producer, receipt.task)).http_request.body)
    assert BlobReference.read(inline.payload) is None

    receipt = await producer.enqueue(large)
    envelope = Envelope.decode((await subject.look(producer, receipt.task)).http_request.body)
    reference = BlobReference.read(envelope.payload)
    assert reference == BlobReference.of(large.to_payload(), owner="ada")
    assert reference is not None
    assert await subject.blob(producer, reference) == large.to_payload()
    assert envelope.identity == large.identity()
    assert (await producer.enqueue(large)).duplicate


async def test_a_payload_over_the_blob_limit_is_refused_with_its_size(producer: Producer) -> None:
    with pytest.raises(TaskTooLarge, match="blob_limit_bytes") as caught:
        await producer.enqueue(audio(13_000_000))
    assert caught.value.limit == 16 * 1024 * 1024
    assert caught.value.size > caught.value.limit


async def test_a_replay_needs_its_blob_and_other_attempts_do_not_ask(
    subject: Subject, producer: Producer
) -> None:
    receipt = await producer.enqueue(audio(150_000))
    envelope = Envelope.decode((await subject.look(producer, receipt.task)).http_request.body)
    gone = envelope.carrying(BlobReference.of(b"never put", owner="ada").encode())
    assert await producer.forward(gone.at(Position(attempt=2, park=0)), "developer-webhooks-realtime-retry")
    with pytest.raises(PayloadGone, match="payload is gone"):
        await producer.forward(gone.replayed(1, ACCEPTED_AT), "developer-webhooks-realtime")
    again = await producer.forward(envelope.replayed(1, ACCEPTED_AT), "developer-webhooks-realtime")
    assert not again.duplicate
