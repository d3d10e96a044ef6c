"""A task that waits for its time: it runs then, unless it was cancelled before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts import AudioBytes, Catalog, DeveloperWebhook
from stores import Key, OutcomeKind
from tests.flow.test_webhooks import EVENTS, settled
from tests.flow.world import World, world


@pytest.fixture
async def running(tmp_path: Path, catalog: Catalog, catalog_file: Path) -> AsyncIterator[World]:
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment={}
    ) as opened:
        yield opened


async def test_a_cancelled_task_never_runs_and_its_neighbour_does(running: World) -> None:
    await running.register("u1", "/hook", [event.kind for event in EVENTS])
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    cancelled, kept = [
        await running.producer.enqueue(DeveloperWebhook(uid="u1", event=event), schedule_at=at)
        for event in EVENTS[:2]
    ]
    assert await running.producer.cancel(cancelled)
    assert running.receiver.received == []
    assert await settled(running, [kept]) == [OutcomeKind.DONE]
    assert datetime.now(UTC) >= at
    await running.drained()
    assert [got.headers["webhook-id"] for got in running.receiver.received] == [kept.delivery_id]
    assert await running.row(Key(cancelled.type, cancelled.identity, 0)) is None


async def test_what_has_run_is_too_late_to_cancel(running: World) -> None:
    await running.register("u1", "/hook", ["audio_bytes"])
    event = AudioBytes(stream_id="s", sequence=0, sample_rate=16000, audio=b"\0\0")
    receipt = await running.producer.enqueue(DeveloperWebhook(uid="u1", event=event))
    assert await settled(running, [receipt]) == [OutcomeKind.DONE]
    await running.drained()
    assert not await running.producer.cancel(receipt)
    assert len(running.receiver.received) == 1
