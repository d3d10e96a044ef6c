"""What the recording producer shows to a unit test. That it behaves as the real one is test_contract.py."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts import Catalog, Envelope
from producers import enqueue, enqueue_many, publish, publish_event
from producers.testing import Published, recording
from tests.contracts.events import created, flushed
from tests.producers.tasks import memory, transcript


async def test_it_shows_what_was_enqueued_once_each_and_in_order(catalog: Catalog) -> None:
    async with recording(catalog) as producer:
        await enqueue(transcript(1))
        await enqueue_many([memory(), transcript(1), transcript(2)])
    assert producer.tasks == [transcript(1), memory(), transcript(2)]
    assert [task.name.split("/")[-3] for task in producer.created] == [
        "developer-webhooks-realtime",
        "developer-webhooks",
        "developer-webhooks-realtime",
    ]


async def test_it_shows_what_was_told(catalog: Catalog) -> None:
    async with recording(catalog) as producer:
        await publish_event(flushed())
        await publish_event(created())
    assert producer.events == [flushed(), created()]
    assert [message.topic for message in producer.published] == ["transcript-flushed", "conversation-created"]


async def test_it_shows_what_was_published_and_forwarded(catalog: Catalog) -> None:
    envelope = Envelope.seal(memory(), accepted_at=datetime(2026, 5, 1, tzinfo=UTC))
    async with recording(catalog) as producer:
        await publish("developer-webhooks-dead", b"letter", {"reason": "gone"})
        await producer.forward(envelope, "developer-webhooks-retry")
    assert producer.published == [
        Published(topic="developer-webhooks-dead", data=b"letter", attributes={"reason": "gone"})
    ]
    assert producer.tasks == []
    assert [Envelope.decode(task.http_request.body) for task in producer.created] == [envelope]
