"""Audio too large for a task, from `enqueue` to its receiver: delivered, retried, buried, replayed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from contracts import AudioBytes, Catalog, DeveloperWebhook
from handlers.dead_letters.replay import Replayed, replay
from stores import Key, OutcomeKind
from stores.local import LocalBlobs
from tests.flow.test_webhooks import settled
from tests.flow.world import World, world
from tests.receiver import Received, answering

AUDIO = bytes(range(256)) * 4096
"""1 MiB."""


@pytest.fixture
async def running(tmp_path: Path, catalog: Catalog, catalog_file: Path) -> AsyncIterator[World]:
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment={}
    ) as opened:
        yield opened


def flush(sequence: int = 0) -> DeveloperWebhook:
    event = AudioBytes(stream_id="s", sequence=sequence, sample_rate=16000, audio=AUDIO)
    return DeveloperWebhook(uid="u1", event=event)


async def test_large_audio_is_retried_and_arrives_byte_for_byte(running: World) -> None:
    await running.register("u1", "/hook", ["audio_bytes"])

    async def second_time(_: Received) -> web.Response:
        return web.Response(status=200 if len(running.receiver.received) > 1 else 503)

    running.receiver.respond = second_time
    receipts = list(await running.producer.enqueue_many([flush(0)]))
    assert await settled(running, receipts) == [OutcomeKind.DONE]
    assert [got.body == AUDIO for got in running.receiver.received] == [True, True]
    assert {got.headers["webhook-id"] for got in running.receiver.received} == {receipts[0].delivery_id}


async def test_large_audio_that_died_is_replayed_long_after(running: World, catalog: Catalog) -> None:
    await running.register("u1", "/hook", ["audio_bytes"])
    running.receiver.respond = answering(400, {"webhook-delivery": "abort-message"})
    receipt = await running.producer.enqueue(flush())
    assert await settled(running, [receipt]) == [OutcomeKind.DEAD]

    async def kept() -> bool:
        return bool(await running.letters())

    await running.signal.until(kept)
    (letter,) = (await running.letters()).values()
    assert len(letter.letter.body) < 1000
    retention = catalog.get(receipt.queue).blob_retention
    assert isinstance(running.blobs, LocalBlobs)
    assert await running.blobs.sweep(datetime.now(UTC) + retention + timedelta(days=1)) == 0

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
    assert [got.body == AUDIO for got in running.receiver.received] == [True, True]


async def test_what_was_erased_before_it_ran_is_a_letter_without_content(running: World) -> None:
    await running.register("u1", "/hook", ["audio_bytes"])
    at = datetime.now(UTC) + timedelta(seconds=1)
    receipt = await running.producer.enqueue(flush(), schedule_at=at)
    assert await running.blobs.erase("u1") == 1
    assert await settled(running, [receipt]) == [OutcomeKind.DEAD]
    row = await running.row(Key(receipt.type, receipt.identity, 0))
    assert row is not None
    assert row.outcome is not None
    assert row.outcome.reason == "blob-missing"
    assert running.receiver.received == []
