"""An endpoint that is gone: disabled, its owner told, and after one call delivered what it missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts import (
    Catalog,
    Conversation,
    DeveloperWebhook,
    MemoryCreated,
    Notification,
    RealtimeTranscript,
    Structured,
    TranscriptSegment,
    developer_endpoint,
    load_catalog,
)
from handlers.dead_letters.replay import Planned, Replayed, replay_each
from handlers.endpoints import enable, missed
from handlers.health import Cause, Keeper, enabled, notice
from stores import Health, Key, OutcomeKind
from tests.flow.test_webhooks import NOW, settled
from tests.flow.world import CATALOG, World, world
from tests.receiver import Respond, answering

TARGET = developer_endpoint("u1", "memory_created")


def conversation(number: int) -> DeveloperWebhook:
    told = Conversation(id=f"c{number}", created_at=NOW, structured=Structured(title="A walk"))
    return DeveloperWebhook(uid="u1", event=MemoryCreated(conversation=told))


@pytest.fixture
async def catalog(tmp_path: Path) -> Catalog:
    file = tmp_path / "queues.yaml"
    await asyncio.to_thread(file.write_text, CATALOG)
    return await asyncio.to_thread(load_catalog, file)


@pytest.fixture
async def running(tmp_path: Path, catalog: Catalog) -> AsyncIterator[World]:
    file = tmp_path / "queues.yaml"
    async with world(tmp_path, catalog, file, factory="handlers.app:create_app", environment={}) as opened:
        await opened.register("u1", "/hook", ["memory_created", "realtime_transcript"])
        yield opened


async def letters_of(running: World, count: int) -> None:
    async def kept() -> bool:
        return len(await running.letters()) == count

    await running.signal.until(kept)


async def recovered(
    running: World, catalog: Catalog, health: Health, *, dry_run: bool = False
) -> list[object]:
    replays = replay_each(
        missed(TARGET, health, running.dead_letters),
        ledger=running.ledger,
        letters=running.dead_letters,
        outbox=running.producer,
        catalog=catalog,
        clock=lambda: datetime.now(UTC),
        per_second=500,
        dry_run=dry_run,
    )
    return [type(result) async for _, result in replays]


@pytest.mark.parametrize(
    ("answer", "cause", "reason"),
    [
        (answering(410), Cause.GONE, "gone"),
        (answering(403, {"webhook-delivery": "disable"}), Cause.ASKED, "endpoint-disabled"),
    ],
)
async def test_disabled_told_enabled_and_recovered(
    running: World, catalog: Catalog, answer: Respond, cause: Cause, reason: str
) -> None:
    running.receiver.respond = answer
    first = await running.producer.enqueue(conversation(0))
    assert await settled(running, [first]) == [OutcomeKind.DEAD]
    later = list(await running.producer.enqueue_many([conversation(number) for number in (1, 2, 3)]))
    assert await settled(running, later) == [OutcomeKind.DEAD] * 3
    assert len(running.receiver.received) == 1
    await letters_of(running, 4)
    reasons = sorted(kept.letter.reason for kept in (await running.letters()).values())
    assert reasons == sorted(["endpoint-disabled"] * 3 + [reason])

    before = await running.stores.targets.health(TARGET)
    assert before.disabled_for == cause
    keeper = Keeper(uid="u1", endpoint="webhook for memory_created")
    disable_after = catalog.get("developer-webhooks").delivery.disable_after
    assert disable_after is not None
    told = notice(before, keeper, TARGET, disable_after)

    async def is_told() -> bool:
        return await running.row(Key(Notification.name, told.identity(), 0)) is not None

    await running.signal.until(is_told)

    running.receiver.respond = answering(200)
    now = datetime.now(UTC)
    assert await recovered(running, catalog, enabled(before, now), dry_run=True) == [Planned] * 4
    health = await enable(TARGET, running.stores.targets, now=now)
    assert await enable(TARGET, running.stores.targets, now=datetime.now(UTC)) == health
    assert await recovered(running, catalog, health) == [Replayed] * 4
    assert await settled(running, [first, *later], generation=1) == [OutcomeKind.DONE] * 4
    assert await recovered(running, catalog, health) == []
    ids = [got.headers["webhook-id"] for got in running.receiver.received]
    assert sorted(ids[1:]) == sorted(receipt.delivery_id for receipt in (first, *later))


async def test_a_realtime_item_for_a_disabled_endpoint_is_skipped(running: World) -> None:
    running.receiver.respond = answering(410)
    segment = TranscriptSegment(text="Hello.", start=0, end=1)
    items = [
        DeveloperWebhook(
            uid="u1", event=RealtimeTranscript(stream_id="s", sequence=place, segments=(segment,))
        )
        for place in range(2)
    ]
    ends = [(await settled(running, [await running.producer.enqueue(item)]))[0] for item in items]
    assert ends == [OutcomeKind.DEAD, OutcomeKind.SKIPPED]
