"""Developer webhooks from `enqueue` to the receiver: delivered, retried, skipped, buried and replayed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from contracts import (
    AudioBytes,
    Catalog,
    Conversation,
    DaySummary,
    DeveloperWebhook,
    MemoryCreated,
    RealtimeTranscript,
    Structured,
    TranscriptSegment,
)
from contracts.webhooks import WebhookEvent
from handlers.dead_letters.replay import Replayed, replay
from producers import Receipt
from stores import Endpoint, Key, OutcomeKind, SigningKey
from tests.firestore_emulator import Firestore
from tests.flow.conftest import on_every_storage
from tests.flow.world import SECRET, World, world
from tests.receiver import Received, answering

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
CONVERSATION = Conversation(id="c1", created_at=NOW, structured=Structured(title="A walk"))
EVENTS: tuple[WebhookEvent, ...] = (
    MemoryCreated(conversation=CONVERSATION),
    RealtimeTranscript(
        stream_id="s", sequence=0, segments=(TranscriptSegment(text="Hello.", start=0, end=1),)
    ),
    AudioBytes(stream_id="s", sequence=0, sample_rate=16000, audio=bytes(range(256))),
    DaySummary(date=date(2026, 11, 1), summary="Walked.", summary_json={"km": 4}, created_at=NOW),
)


async def settled(running: World, receipts: list[Receipt], generation: int = 0) -> list[str]:
    """How each task ended, once all have."""
    keys = [Key(receipt.type, receipt.identity, generation) for receipt in receipts]

    async def kinds() -> list[str]:
        rows = [await running.row(key) for key in keys]
        return [row.outcome.kind for row in rows if row and row.outcome and row.outcome.final]

    async def all_ended() -> bool:
        return len(await kinds()) == len(keys)

    await running.signal.until(all_ended)
    return await kinds()


@pytest.fixture
async def running(
    tmp_path: Path, catalog: Catalog, catalog_file: Path, firestore_or_file: Firestore | None
) -> AsyncIterator[World]:
    async with world(
        tmp_path,
        catalog,
        catalog_file,
        factory="handlers.app:create_app",
        environment={},
        firestore=firestore_or_file,
    ) as opened:
        yield opened


async def test_every_kind_reaches_its_receiver_signed(running: World) -> None:
    await running.register("u1", "/hook", [event.kind for event in EVENTS])
    tasks = [DeveloperWebhook(uid="u1", event=event) for event in EVENTS]
    receipts = list(await running.producer.enqueue_many(tasks))
    again = await running.producer.enqueue_many(tasks)

    assert await settled(running, receipts) == [OutcomeKind.DONE] * 4
    assert all(receipt.duplicate for receipt in again)
    assert len(running.receiver.received) == 4
    by_id = {got.headers["webhook-id"]: got for got in running.receiver.received}
    assert set(by_id) == {receipt.delivery_id for receipt in receipts}
    memory, transcript, audio, summary = (by_id[receipt.delivery_id] for receipt in receipts)
    assert json.loads(memory.body)["structured"]["title"] == "A walk"
    assert json.loads(transcript.body)["segments"][0]["text"] == "Hello."
    assert audio.body == bytes(range(256))
    assert json.loads(summary.body)["summary_json"] == {"km": 4}
    for got in (memory, transcript, summary):
        Webhook(SECRET).verify(got.body, dict(got.headers))


@on_every_storage
async def test_a_receiver_that_recovers_gets_the_same_delivery(running: World) -> None:
    await running.register("u1", "/hook", ["memory_created"])

    async def third_time(_: Received) -> web.Response:
        return web.Response(status=200 if len(running.receiver.received) > 2 else 503)

    running.receiver.respond = third_time
    receipt = await running.producer.enqueue(DeveloperWebhook(uid="u1", event=EVENTS[0]))
    assert await settled(running, [receipt]) == [OutcomeKind.DONE]
    assert [got.headers["webhook-id"] for got in running.receiver.received] == [receipt.delivery_id] * 3


async def test_owners_settings_skip_and_bury(running: World) -> None:
    for event in EVENTS[:2]:
        endpoint = Endpoint(
            uid="paused", kind=event.kind, url=running.receiver.url, keys=(SigningKey(secret=SECRET),)
        )
        await running.stores.directory.put_endpoint(replace(endpoint, paused=True))
    receipts = [
        await running.producer.enqueue(DeveloperWebhook(uid=uid, event=event))
        for uid, event in (("nobody", EVENTS[0]), ("paused", EVENTS[0]), ("paused", EVENTS[1]))
    ]
    kinds = await settled(running, receipts)
    assert kinds == [OutcomeKind.SKIPPED, OutcomeKind.DEAD, OutcomeKind.SKIPPED]
    assert running.receiver.received == []


@on_every_storage
async def test_a_dead_letter_is_replayed_under_the_same_delivery_id(running: World, catalog: Catalog) -> None:
    await running.register("u1", "/hook", ["memory_created"])
    running.receiver.respond = answering(500)
    receipt = await running.producer.enqueue(DeveloperWebhook(uid="u1", event=EVENTS[0]))
    assert await settled(running, [receipt]) == [OutcomeKind.DEAD]

    async def kept() -> bool:
        return bool(await running.letters())

    await running.signal.until(kept)
    (letter,) = (await running.letters()).values()
    assert (letter.letter.reason, letter.letter.target) == ("attempts-used", "developer/u1/memory_created")

    running.receiver.respond = answering(200)
    result = await replay(
        letter,
        ledger=running.ledger,
        letters=running.dead_letters,
        outbox=running.producer,
        catalog=catalog,
        now=datetime.now(UTC),
    )
    assert isinstance(result, Replayed)
    assert await settled(running, [receipt], generation=1) == [OutcomeKind.DONE]
    assert [got.headers["webhook-id"] for got in running.receiver.received] == [receipt.delivery_id] * (3 + 1)
