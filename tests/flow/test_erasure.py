"""A user who is erased while tasks wait: they end without a word to anybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts import Catalog, DeveloperWebhook
from stores import OutcomeKind
from stores.erasure import Erasure
from tests.flow.test_webhooks import EVENTS, settled
from tests.flow.world import World, world


@pytest.fixture
async def running(tmp_path: Path, catalog: Catalog, catalog_file: Path) -> AsyncIterator[World]:
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment={}
    ) as opened:
        yield opened


async def test_what_waits_of_an_erased_user_is_skipped(running: World) -> None:
    await running.register("u1", "/hook", [event.kind for event in EVENTS])
    soon = datetime.now(UTC) + timedelta(seconds=1)
    tasks = [DeveloperWebhook(uid="u1", event=event) for event in EVENTS]
    receipts = [await running.producer.enqueue(task, schedule_at=soon) for task in tasks]
    erasure = Erasure(running.stores, running.blobs)
    assert (await erasure("u1"))["endpoints"] == len(EVENTS)
    assert await settled(running, receipts) == [OutcomeKind.SKIPPED] * len(EVENTS)
    assert running.receiver.received == []

    again = await erasure("u1")
    assert {name: count for name, count in again.items() if count} == {"ledger": len(EVENTS)}
    assert not any((await erasure("u1")).values())
