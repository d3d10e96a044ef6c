"""The contract of the places: what a conversation keeps, and what is asked of the service only once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts import Coordinates
from stores import CACHED_FOR, Address, Place, Recalled, Stores, attached

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ADDRESS = Address(
    google_place_id="ChIJ1",
    latitude=52.52,
    longitude=13.405,
    address="Straße 1, Zoë’s ☂, Berlin",
    location_type="ROOFTOP",
)
BARE = Place(
    uid="u", conversation_id="c", revision=1, at=Coordinates(latitude=-33.8568, longitude=151.2153125)
)
FULL = replace(BARE, address=ADDRESS)


@pytest.mark.parametrize("place", [BARE, FULL])
async def test_a_place_is_found_whole(stores: Stores, place: Place) -> None:
    assert await stores.places.attach(place) == place
    assert await stores.places.place("u", "c") == place
    assert await stores.places.place("u", "d") is None
    assert await stores.places.place("v", "c") is None


@pytest.mark.parametrize(
    ("old", "new", "stands"),
    [
        (None, BARE, BARE),
        (BARE, FULL, FULL),
        (FULL, BARE, FULL),
        (FULL, replace(BARE, revision=2), replace(BARE, revision=2)),
        (FULL, replace(FULL, revision=0), FULL),
        (FULL, FULL, FULL),
    ],
)
async def test_what_stands_of_two(stores: Stores, old: Place | None, new: Place, stands: Place) -> None:
    assert attached(old, new) == stands
    if old is not None:
        await stores.places.attach(old)
    assert await stores.places.attach(new) == stands
    assert await stores.places.place("u", "c") == stands


@pytest.mark.parametrize("address", [ADDRESS, None])
async def test_an_answer_is_known_for_two_days(stores: Stores, address: Address | None) -> None:
    await stores.places.remember("52.520,13.405", address, now=NOW)
    almost = NOW + CACHED_FOR - timedelta(seconds=1)
    assert await stores.places.recall("52.520,13.405", now=almost) == Recalled(address)
    assert await stores.places.recall("52.520,13.405", now=NOW + CACHED_FOR) is None
    assert await stores.places.recall("52.520,13.406", now=NOW) is None


async def test_a_newer_answer_replaces_an_older_one(stores: Stores) -> None:
    await stores.places.remember("a", None, now=NOW)
    await stores.places.remember("a", ADDRESS, now=NOW + timedelta(hours=47))
    later = NOW + CACHED_FOR + timedelta(hours=1)
    assert await stores.places.recall("a", now=later) == Recalled(ADDRESS)
    await stores.places.remember("b", None, now=later)
    assert await stores.places.recall("a", now=later) == Recalled(ADDRESS), "what expired alone leaves"


async def test_one_users_places_are_erased(stores: Stores) -> None:
    await stores.places.attach(FULL)
    await stores.places.attach(replace(FULL, conversation_id="d"))
    await stores.places.attach(replace(FULL, uid="v"))
    assert await stores.places.erase("u", dry_run=True) == 2
    assert await stores.places.erase("u") == 2
    assert await stores.places.erase("u") == 0
    assert await stores.places.place("u", "c") is None
    assert await stores.places.place("v", "c") is not None
