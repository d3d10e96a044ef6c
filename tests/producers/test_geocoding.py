"""The lookup on a real wire: what is asked, what each answer means, and what is asked only once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from httpx import Headers
from hypothesis import example, given
from hypothesis import strategies as st

from contracts import Coordinates
from lanes import LOCAL, MAPS, Answer, HttpLane
from producers import Geocoder, GeocodingBusy, GeocodingFailed, GeocodingRefused
from producers.geocoding import LANE_PAUSE, QUOTA_PAUSE, read_answer
from stores import CACHED_FOR, Address, Places
from stores.sqlite import open_sqlite
from tests.geocoding_service import ADDRESS, found, nothing, refused
from tests.receiver import Received, Receiver, receiver

BERLIN = Coordinates(latitude=52.51627, longitude=13.37770)
NEXT_DOOR = Coordinates(latitude=52.51634, longitude=13.37771)


@dataclass
class Asked:
    """A geocoder and the service that it asks."""

    geocoder: Geocoder
    places: Places
    service: Receiver
    now: datetime = datetime(2026, 11, 1, 12, tzinfo=UTC)
    answers: list[web.Response] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    async def answer(self, _: Received) -> web.Response:
        return self.answers.pop(0)


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Asked]:
    async with (
        open_sqlite(tmp_path / "stores.sqlite3") as stores,
        HttpLane(MAPS, egress=LOCAL) as lane,
        receiver() as service,
    ):

        async def key() -> str:
            return "key-1"

        geocoder = Geocoder(lane, stores.places, base_url=service.url, key=key, clock=lambda: under_test.now)
        under_test = Asked(geocoder, stores.places, service)
        service.respond = under_test.answer
        yield under_test


async def test_it_asks_as_documented_and_reads_the_first_result(asked: Asked) -> None:
    asked.answers = [found()]
    assert await asked.geocoder.lookup(BERLIN) == Address(
        google_place_id="ChIJ1",
        latitude=52.516,
        longitude=13.38,
        address=ADDRESS,
        location_type="ROOFTOP",
    )
    (request,) = asked.service.received
    assert (request.method, request.path) == ("GET", "/v4/geocode/location/52.516270,13.377700")
    assert request.query == {}
    assert request.headers["x-goog-api-key"] == "key-1"
    assert set(request.headers["x-goog-fieldmask"].split(",")) == {
        "results.placeId",
        "results.formattedAddress",
        "results.location",
        "results.granularity",
    }


@pytest.mark.parametrize("answer", [found, nothing])
async def test_a_neighbour_within_two_days_is_not_asked_for(asked: Asked, answer: object) -> None:
    asked.answers = [found() if answer is found else nothing() for _ in range(2)]
    first = await asked.geocoder.lookup(BERLIN)
    asked.now += CACHED_FOR - timedelta(seconds=1)
    assert await asked.geocoder.lookup(NEXT_DOOR) == first
    assert len(asked.service.received) == 1
    asked.now += timedelta(seconds=1)
    await asked.geocoder.lookup(NEXT_DOOR)
    assert len(asked.service.received) == 2


async def test_equal_questions_at_once_are_one(asked: Asked) -> None:
    asked.answers = [found()]
    answers = await asyncio.gather(*(asked.geocoder.lookup(at) for at in [BERLIN, NEXT_DOOR] * 10))
    assert len(set(answers)) == 1
    assert len(asked.service.received) == 1


async def test_a_point_that_is_refused_has_no_address_and_says_nothing_of_its_neighbour(asked: Asked) -> None:
    asked.answers = [refused(400, "INVALID_ARGUMENT"), found()]
    assert await asked.geocoder.lookup(BERLIN) is None
    assert await asked.geocoder.lookup(NEXT_DOOR) is not None


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ((), QUOTA_PAUSE),
        ((("Retry-After", "7"),), timedelta(seconds=7)),
        ((("Retry-After", "Sun, 01 Nov 2026 12:00:30 GMT"),), timedelta(seconds=30)),
    ],
)
async def test_over_quota_says_how_long_to_stay_away(
    asked: Asked, headers: tuple[tuple[str, str], ...], wait: timedelta
) -> None:
    asked.answers = [refused(429, "RESOURCE_EXHAUSTED", headers=headers), found()]
    with pytest.raises(GeocodingBusy) as caught:
        await asked.geocoder.lookup(BERLIN)
    assert caught.value.wait == wait
    assert await asked.geocoder.lookup(BERLIN) is not None, "a failure is not remembered"


@pytest.mark.parametrize(
    "answer",
    [
        refused(403, "PERMISSION_DENIED", reason="SERVICE_DISABLED"),
        refused(401, "UNAUTHENTICATED"),
        refused(400, "INVALID_ARGUMENT", reason="API_KEY_INVALID"),
    ],
    ids=["forbidden", "unauthenticated", "no such key"],
)
async def test_a_refused_key_is_told_from_a_refused_point(asked: Asked, answer: web.Response) -> None:
    asked.answers = [answer]
    with pytest.raises(GeocodingRefused, match="SIDELANE_GEOCODING_KEY") as caught:
        await asked.geocoder.lookup(BERLIN)
    assert "key-1" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"", "answered 500"),
        (503, b'{"error": {"status": "UNAVAILABLE"}}', "answered 503 .UNAVAILABLE."),
        (404, b"<html>", "answered 404"),
        (302, b"", "answered 302"),
        (200, b"<html>", "cannot be read: body"),
        (200, b'{"results": [{"placeId": "x"}]}', r"cannot be read: results\.0\.formattedAddress"),
        (200, b'{"results": {}}', "cannot be read: results"),
        (200, b"[]", "cannot be read"),
        (200, b"\xff\xfe", "cannot be read"),
        (200, b'{"pad": "' + b"x" * MAPS.max_body_bytes + b'"}', "longer than the lane's"),
        (400, b'{"error": []}', None),
    ],
)
async def test_every_other_answer_is_a_failure(
    asked: Asked, status: int, body: bytes, says: str | None
) -> None:
    asked.answers = [web.Response(status=status, body=body)]
    if says is None:
        assert await asked.geocoder.lookup(BERLIN) is None
        return
    with pytest.raises(GeocodingFailed, match=says) as caught:
        await asked.geocoder.lookup(BERLIN)
    assert type(caught.value) is GeocodingFailed
    assert await asked.places.recall(BERLIN.cell(), now=asked.now) is None


async def test_zero_is_left_out_of_the_service_s_json(asked: Asked) -> None:
    body = b'{"results": [{"placeId": "p", "formattedAddress": "Null Island", "location": {"latitude": 1}}]}'
    asked.answers = [web.Response(body=body)]
    address = await asked.geocoder.lookup(Coordinates(latitude=1, longitude=0))
    assert address is not None
    assert (address.latitude, address.longitude, address.location_type) == (1, 0, "")


async def _at(url: str, lane: HttpLane, places: Places, key: str = "k") -> Geocoder:
    async def secret() -> str:
        return key

    return Geocoder(lane, places, base_url=url, key=secret, clock=lambda: datetime.now(UTC))


async def test_what_cannot_be_asked_at_all_is_the_settings_fault(asked: Asked) -> None:
    async with HttpLane(MAPS) as guarded, HttpLane(MAPS, egress=LOCAL) as lane:
        for geocoder in (
            await _at("http://127.0.0.1:1", guarded, asked.places),
            await _at("ftp://example.com", lane, asked.places),
            await _at(asked.service.url, lane, asked.places, key="kéy"),
        ):
            with pytest.raises(GeocodingRefused, match="SIDELANE_GEOCODING_URL and _KEY") as caught:
                await geocoder.lookup(BERLIN)
            assert "kéy" not in str(caught.value)


async def test_a_full_lane_and_an_open_breaker_say_when_to_come_back(asked: Asked) -> None:
    full = MAPS.model_copy(update={"max_connections": 1, "max_waiting": 0})
    held, released = asyncio.Event(), asyncio.Event()

    async def hold(_: Received) -> web.Response:
        held.set()
        await released.wait()
        return web.Response(status=500)

    asked.service.respond = hold
    async with HttpLane(full.model_copy(update={"breaker_failures": 1}), egress=LOCAL) as lane:
        geocoder = await _at(asked.service.url, lane, asked.places)
        first = asyncio.create_task(geocoder.lookup(BERLIN))
        await held.wait()
        other = Coordinates(latitude=0, longitude=0)
        with pytest.raises(GeocodingBusy) as caught:
            await geocoder.lookup(other)
        assert caught.value.wait == LANE_PAUSE
        released.set()
        with pytest.raises(GeocodingFailed, match="answered 500"):
            await first
        with pytest.raises(GeocodingBusy) as caught:
            await geocoder.lookup(other)
        assert caught.value.wait > LANE_PAUSE


async def test_nobody_there_is_a_failure(asked: Asked) -> None:
    async with HttpLane(MAPS, egress=LOCAL) as lane:
        geocoder = await _at("http://127.0.0.1:1", lane, asked.places)
        with pytest.raises(GeocodingFailed):
            await geocoder.lookup(BERLIN)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["results", "placeId", "formattedAddress", "location", "latitude", "error", "details"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(status=st.sampled_from([200, 204, 302, 400, 401, 403, 404, 429, 500, 503]), body=JSON)
@example(
    status=200,
    body={"results": [{"placeId": "p", "formattedAddress": "a", "location": {"latitude": 10**400}}]},
)
@example(status=400, body={"error": {"details": [{"reason": 1}]}})
def test_every_answer_is_an_address_none_or_a_failure(status: int, body: object) -> None:
    answer = Answer(status=status, headers=Headers(), body=json.dumps(body).encode(), truncated=False)
    try:
        address = read_answer(answer, datetime(2026, 11, 1, 12, tzinfo=UTC))
    except GeocodingFailed:
        return
    assert status == 200
    assert address is None or address.address is not None
