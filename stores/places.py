"""Remembers where conversations were, and for two days what the geocoding service said. The protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from contracts import Coordinates

CACHED_FOR = timedelta(hours=48)
"""How long an answer of the geocoding service is asked for no second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What the geocoding service knows of a point."""

    google_place_id: str
    latitude: float
    """Of the address, in degrees; near the point that was asked for."""
    longitude: float
    address: str
    """As one writes it there, on one line."""
    location_type: str
    """How exact it is: `ROOFTOP`, `RANGE_INTERPOLATED`, `GEOMETRIC_CENTER`, `APPROXIMATE`, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a conversation was."""

    uid: str
    conversation_id: str
    revision: int
    at: Coordinates
    """As the device told it; kept whatever the service knows."""
    address: Address | None = None
    """None: there is none, or none is known yet."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """An answer of the service, from the cache."""

    address: Address | None
    """None: the service knew none."""


class Places(Protocol):
    """Raises `StoreUnavailable` where the storage is away."""

    async def recall(self, cell: str, *, now: datetime) -> Recalled | None:
        """What the service said of this cell of coordinates; None where that is not known any more."""

    async def remember(self, cell: str, address: Address | None, *, now: datetime) -> None:
        """Keep what the service said of this cell, for `CACHED_FOR`."""

    async def attach(self, place: Place) -> Place:
        """Keep where a conversation was, by the rule of `attached`, and return what stands now."""

    async def place(self, uid: str, conversation_id: str) -> Place | None:
        """Where this conversation was; None where that was never told."""

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Forget where this user's conversations were; how many those were. With `dry_run` they stay.

        The cache stays: it knows cells of 100 m and no users, and forgets by itself.
        """


def attached(old: Place | None, new: Place) -> Place:
    """What stands of two places of one conversation, in whatever order they were told.

    The higher revision stands; of two of one revision, the one with an address, since a later attempt that
    finds none takes nothing away.
    """
    if old is None or new.revision > old.revision:
        return new
    if new.revision < old.revision or new.address is None:
        return old
    return new
