"""Geocoding as an attempt: what each answer means for the task, and what the conversation keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from contracts import Coordinates, Geocode
from handlers.effect import Delivery
from handlers.ends import Busy, End, Returned, TargetFailed
from handlers.errors import MissingSecret
from handlers.geocoding import KEY_PAUSE, MAX_PAUSE, Geocoding
from lanes import LOCAL, MAPS, HttpLane
from producers import Geocoder
from stores import Place, Places
from stores.sqlite import open_sqlite
from tests.geocoding_service import ADDRESS, found, nothing, refused
from tests.receiver import Received, Receiver, receiver

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TASK = Geocode(uid="u", conversation_id="c", at=Coordinates(latitude=52.51627, longitude=13.3777))
DELIVERY = Delivery(id="msg_0123", attempt=1, deadline=15.0)


@dataclass
class Handler:
    effect: Geocoding
    places: Places
    service: Receiver

    async def run(self, answer: web.Response, task: Geocode = TASK) -> tuple[End, Place | None]:
        async def respond(_: Received) -> web.Response:
            return answer

        self.service.respond = respond
        end = await self.effect(task, DELIVERY)
        return end, await self.places.place(task.uid, task.conversation_id)


@pytest.fixture
async def handler(tmp_path: Path) -> AsyncIterator[Handler]:
    async with (
        open_sqlite(tmp_path / "stores.sqlite3") as stores,
        HttpLane(MAPS, egress=LOCAL) as lane,
        receiver() as service,
    ):

        async def key() -> str:
            return "k"

        geocoder = Geocoder(lane, stores.places, base_url=service.url, key=key, clock=lambda: NOW)
        yield Handler(Geocoding(geocoder, stores.places, clock=lambda: NOW), stores.places, service)


async def test_the_conversation_gets_its_address(handler: Handler) -> None:
    end, place = await handler.run(found())
    assert end == Returned()
    assert place is not None
    assert place.at == TASK.at
    assert place.address is not None
    assert place.address.address == ADDRESS


@pytest.mark.parametrize("answer", [nothing(), refused(400, "INVALID_ARGUMENT")])
async def test_a_miss_keeps_the_coordinates_and_is_done(handler: Handler, answer: web.Response) -> None:
    end, place = await handler.run(answer)
    assert end == Returned()
    assert place is not None
    assert (place.at, place.address) == (TASK.at, None)


@pytest.mark.parametrize(
    ("answer", "until"),
    [
        (refused(429, "RESOURCE_EXHAUSTED", headers=[("Retry-After", "20")]), timedelta(seconds=20)),
        (refused(429, "RESOURCE_EXHAUSTED", headers=[("Retry-After", "999999")]), MAX_PAUSE),
        (refused(403, "PERMISSION_DENIED"), KEY_PAUSE),
        (refused(400, "INVALID_ARGUMENT", reason="API_KEY_INVALID"), KEY_PAUSE),
    ],
    ids=["quota", "quota for days", "forbidden", "no such key"],
)
async def test_what_is_no_fault_of_the_task_parks_it(
    handler: Handler, answer: web.Response, until: timedelta
) -> None:
    end, place = await handler.run(answer)
    assert isinstance(end, Busy)
    assert end.until == NOW + until
    assert place is not None
    assert place.at == TASK.at, "whatever comes of the task, the conversation has its coordinates"


async def test_a_key_that_cannot_be_had_parks_it(handler: Handler) -> None:
    async def missing() -> str:
        raise MissingSecret("projects/p/secrets/s/versions/1: not there")

    async with HttpLane(MAPS, egress=LOCAL) as lane:
        geocoder = Geocoder(
            lane, handler.places, base_url=handler.service.url, key=missing, clock=lambda: NOW
        )
        end = await Geocoding(geocoder, handler.places, clock=lambda: NOW)(TASK, DELIVERY)
    assert end == Busy(NOW + KEY_PAUSE, "projects/p/secrets/s/versions/1: not there")
    place = await handler.places.place("u", "c")
    assert place is not None
    assert place.at == TASK.at
    assert handler.service.received == []


async def test_a_failing_service_is_tried_again(handler: Handler) -> None:
    end, place = await handler.run(refused(503, "UNAVAILABLE"))
    assert end == TargetFailed("geocoding answered 503 (UNAVAILABLE)")
    assert place is not None
    end, place = await handler.run(found())
    assert end == Returned()
    assert place is not None
    assert place.address is not None


async def test_an_older_point_handled_late_does_not_move_the_conversation_back(handler: Handler) -> None:
    moved = TASK.model_copy(update={"at": Coordinates(latitude=1, longitude=2), "revision": 1})
    await handler.run(found("Elsewhere 1"), moved)
    _, place = await handler.run(found())
    assert place is not None
    assert (place.at, place.revision) == (moved.at, 1)
