"""Geocoding from `enqueue` to a conversation's place: found, missed, retried, parked, buried and replayed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from contracts import Catalog, Coordinates, Geocode
from handlers.dead_letters.replay import Replayed, replay
from stores import Key, OutcomeKind, Place
from tests.flow.test_webhooks import settled
from tests.flow.world import World, world
from tests.geocoding_service import ADDRESS, found, nothing, refused
from tests.receiver import Received, Receiver, receiver

BERLIN = Coordinates(latitude=52.51627, longitude=13.3777)


@pytest.fixture
async def google() -> AsyncIterator[Receiver]:
    async with receiver() as service:
        yield service


@pytest.fixture
async def running(
    tmp_path: Path, catalog: Catalog, catalog_file: Path, google: Receiver
) -> AsyncIterator[World]:
    environment = {"SIDELANE_GEOCODING_URL": google.url, "SIDELANE_GEOCODING_KEY": "key-1"}
    async with world(
        tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment=environment
    ) as opened:
        yield opened


def geocode(conversation: str, latitude: float = 0.0) -> Geocode:
    at = Coordinates(latitude=BERLIN.latitude + latitude, longitude=BERLIN.longitude)
    return Geocode(uid="u", conversation_id=conversation, at=at)


async def place(running: World, conversation: str) -> Place:
    found_place = await running.stores.places.place("u", conversation)
    assert found_place is not None
    return found_place


async def test_conversations_get_their_places_and_neighbours_are_asked_for_once(
    running: World, google: Receiver
) -> None:
    async def answer(got: Received) -> web.Response:
        return found() if "/52.5" in got.path else nothing()

    google.respond = answer
    first = await running.producer.enqueue(geocode("near"))
    assert await settled(running, [first]) == [OutcomeKind.DONE]
    others = [geocode("neighbour", 0.00001), geocode("nowhere", -30.0)]
    receipts = [*await running.producer.enqueue_many(others), await running.producer.enqueue(geocode("near"))]
    assert await settled(running, receipts) == [OutcomeKind.DONE] * 3
    assert receipts[-1].duplicate

    assert len(google.received) == 2, "the neighbour's address was known"
    assert {got.headers["x-goog-api-key"] for got in google.received} == {"key-1"}
    for conversation in ("near", "neighbour"):
        address = (await place(running, conversation)).address
        assert address is not None
        assert address.address == ADDRESS
    nowhere = await place(running, "nowhere")
    assert (nowhere.at, nowhere.address) == (geocode("nowhere", -30.0).at, None)


async def test_over_quota_is_waited_for_and_a_failure_tried_again(running: World, google: Receiver) -> None:
    answers = [
        refused(429, "RESOURCE_EXHAUSTED", headers=[("Retry-After", "1")]),
        refused(503, "UNAVAILABLE"),
        found(),
    ]

    async def answer(_: Received) -> web.Response:
        return answers.pop(0)

    google.respond = answer
    receipt = await running.producer.enqueue(geocode("c"))
    assert await settled(running, [receipt]) == [OutcomeKind.DONE]
    row = await running.row(Key(receipt.type, receipt.identity, 0))
    assert row is not None
    assert [ended.outcome.kind for ended in row.history][:2] == [OutcomeKind.PARK, OutcomeKind.RETRY]
    assert (row.position.attempt, row.position.park) == (2, 0)
    assert (await place(running, "c")).address is not None


async def test_a_refused_key_parks_and_keeps_the_coordinates(running: World, google: Receiver) -> None:
    async def answer(_: Received) -> web.Response:
        return refused(400, "INVALID_ARGUMENT", reason="API_KEY_INVALID")

    google.respond = answer
    receipt = await running.producer.enqueue(geocode("c"))
    key = Key(receipt.type, receipt.identity, 0)

    async def parked() -> bool:
        row = await running.row(key)
        return row is not None and row.outcome is not None and row.outcome.kind is OutcomeKind.PARK

    await running.signal.until(parked)
    row = await running.row(key)
    assert row is not None
    assert row.outcome is not None
    assert "API_KEY_INVALID" in row.outcome.detail
    assert (await place(running, "c")).at == geocode("c").at
    assert await running.letters() == {}


async def test_what_died_is_replayed_and_had_kept_its_coordinates(
    running: World, google: Receiver, catalog: Catalog
) -> None:
    async def away(_: Received) -> web.Response:
        return refused(500, "INTERNAL")

    google.respond = away
    receipt = await running.producer.enqueue(geocode("c"))
    assert await settled(running, [receipt]) == [OutcomeKind.DEAD]
    assert len(google.received) == 3
    assert (await place(running, "c")).address is None

    async def kept() -> bool:
        return bool(await running.letters())

    await running.signal.until(kept)
    (letter,) = (await running.letters()).values()
    assert (letter.letter.reason, letter.letter.target, letter.letter.owner) == (
        "attempts-used",
        "google-geocoding",
        "u",
    )

    async def back(_: Received) -> web.Response:
        return found()

    google.respond = back
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
    assert (await place(running, "c")).address is not None
