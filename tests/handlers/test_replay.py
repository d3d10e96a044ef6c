"""Many letters at once: no faster than told, nothing in a dry run, an end where the services are away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from contracts import Catalog, DeadLetter, Envelope, TaskRegistry
from handlers.dead_letters.reading import EVENT_UNDELIVERED, read_letter
from handlers.dead_letters.remedies import OTHERWISE, REMEDIES, remedy
from handlers.dead_letters.replay import NotReplayed, Planned, Replayed, replay_each
from handlers.dead_letters.selection import PAGE, select
from handlers.delivery import Reason
from producers import Receipt, Unreachable
from producers.testing import RecordingProducer, recording
from stores import Filter
from stores.sqlite import SqliteStores, open_sqlite
from tests.handlers.conftest import Note
from tests.handlers.pushes import NOW, RAW, wrapped


def letter(number: int) -> DeadLetter:
    envelope = Envelope.seal(Note(id=f"n{number}", realtime=False), accepted_at=NOW, trace=None)
    return DeadLetter.of(
        envelope, queue="developer-webhooks", target="t", reason="gone", detail="", died_at=NOW
    )


@pytest.fixture
async def producer(catalog: Catalog) -> AsyncIterator[RecordingProducer]:
    async with recording(catalog, TaskRegistry([Note])) as opened:
        yield opened


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        for number in range(4):
            await opened.dead_letters.add(letter(number))
        yield opened


async def replayed(
    stores: SqliteStores,
    producer: RecordingProducer,
    catalog: Catalog,
    wanted: Filter,
    slept: list[float],
    *,
    dry_run: bool = False,
) -> list[Replayed | NotReplayed | Planned]:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    found = replay_each(
        select(stores.dead_letters, wanted),
        ledger=stores.ledger,
        letters=stores.dead_letters,
        outbox=producer,
        catalog=catalog,
        clock=lambda: NOW,
        per_second=4,
        sleep=sleep,
        dry_run=dry_run,
    )
    return [result async for _, result in found]


async def test_replays_are_spread_out(
    stores: SqliteStores, producer: RecordingProducer, catalog: Catalog
) -> None:
    await stores.dead_letters.add(RAW)  # cannot be replayed, and takes no time
    slept: list[float] = []
    results = await replayed(stores, producer, catalog, Filter.open(), slept)
    assert sorted(type(result).__name__ for result in results) == ["NotReplayed"] + ["Replayed"] * 4
    assert 3 <= len(slept) <= 4
    assert set(slept) == {0.25}
    assert len(producer.created) == 4
    assert len(await stores.dead_letters.find(Filter.open(), limit=10)) == 1


async def test_a_dry_run_does_nothing(
    stores: SqliteStores, producer: RecordingProducer, catalog: Catalog
) -> None:
    slept: list[float] = []
    results = await replayed(stores, producer, catalog, Filter.open(), slept, dry_run=True)
    assert {result.generation for result in results if isinstance(result, Planned)} == {1}
    assert (len(results), producer.created, slept) == (4, [], [])
    assert len(await stores.dead_letters.find(Filter.open(), limit=10)) == 4


async def test_where_the_service_is_away_the_rest_is_not_tried(
    stores: SqliteStores, producer: RecordingProducer, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Envelope, __: str, *, schedule_at: datetime | None = None) -> Receipt:
        raise Unreachable("no answer")

    monkeypatch.setattr(producer, "forward", away)
    (only,) = await replayed(stores, producer, catalog, Filter.open(), [])
    assert isinstance(only, NotReplayed)
    assert only.why == "no answer; the rest was not tried"
    assert len(await stores.dead_letters.find(Filter.open(), limit=10)) == 4


async def test_a_selection_meets_every_letter_of_many_pages(stores: SqliteStores) -> None:
    for number in range(4, PAGE + 3):
        await stores.dead_letters.add(letter(number))
    found = [kept.letter.identity async for kept in select(stores.dead_letters, Filter())]
    assert len(found) == len(set(found)) == PAGE + 3


def test_every_reason_to_die_has_a_remedy() -> None:
    not_dead = {Reason.DELIVERED, Reason.LEASED, Reason.SUSPECT}
    assert {reason for reason in Reason if remedy(reason) == OTHERWISE} == not_dead
    assert all(text for text in REMEDIES.values())


def undelivered(catalog: Catalog, *, subscription: str | None = None) -> DeadLetter:
    """The dead letter of an event that the first subscription of the catalog gave up."""
    attributes = {
        "type": "conversation-created",
        "CloudPubSubDeadLetterSourceSubscription": subscription or catalog.event_topics()[0].subscription,
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
    }
    return read_letter({}, json.dumps(wrapped(b"\x00event", attributes)).encode(), NOW)


async def test_an_undelivered_event_is_published_to_its_topic_as_it_was(
    stores: SqliteStores, producer: RecordingProducer, catalog: Catalog
) -> None:
    event = undelivered(catalog)
    await stores.dead_letters.add(event)
    wanted = Filter.open(reason=EVENT_UNDELIVERED)
    topic = catalog.event_topics()[0].name
    planned = await replayed(stores, producer, catalog, wanted, [], dry_run=True)
    assert planned == [Planned(event.id, 1, topic)]
    assert producer.published == []
    (result,) = await replayed(stores, producer, catalog, wanted, [])
    assert isinstance(result, Replayed)
    (published,) = producer.published
    assert (published.topic, published.data) == (topic, b"\x00event")
    assert published.attributes == {"type": "conversation-created"}
    assert await replayed(stores, producer, catalog, wanted, []) == []


async def test_an_event_of_a_subscription_that_is_gone_says_so(
    stores: SqliteStores, producer: RecordingProducer, catalog: Catalog
) -> None:
    await stores.dead_letters.add(undelivered(catalog, subscription="retired"))
    (result,) = await replayed(stores, producer, catalog, Filter.open(reason=EVENT_UNDELIVERED), [])
    assert isinstance(result, NotReplayed)
    assert "'retired'" in result.why
