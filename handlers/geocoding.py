"""Runs geocoding: attaches to a conversation where it was, and the address. Waits for no quota itself.

Whatever the service says or does not say, the conversation keeps its coordinates.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from contracts import Geocode
from handlers.effect import Delivery
from handlers.ends import Busy, End, Returned, TargetFailed
from handlers.errors import MissingSecret
from producers import Geocoder, GeocodingBusy, GeocodingFailed, GeocodingRefused
from stores import Address, Place, Places

_log = logging.getLogger(__name__)

MAX_PAUSE = timedelta(hours=1)
"""Longest stay away that the service may ask for: a quota is back long before the task is too old."""
KEY_PAUSE = timedelta(minutes=5)
"""While our key is refused tasks are parked, so that mending it within the age limit loses none."""


class Geocoding:
    """The effect of `Geocode`."""

    def __init__(self, geocoder: Geocoder, places: Places, *, clock: Callable[[], datetime]) -> None:
        self._geocoder = geocoder
        self._places = places
        self._clock = clock

    async def __call__(self, task: Geocode, _: Delivery) -> End:
        try:
            address = await self._geocoder.lookup(task.at)
        except (GeocodingFailed, MissingSecret) as error:
            await self._attach(task, None)
            return self._judge(error)
        await self._attach(task, address)
        return Returned()

    async def _attach(self, task: Geocode, address: Address | None) -> None:
        await self._places.attach(
            Place(
                uid=task.uid,
                conversation_id=task.conversation_id,
                revision=task.revision,
                at=task.at,
                address=address,
            )
        )

    def _judge(self, error: GeocodingFailed | MissingSecret) -> End:
        match error:
            case GeocodingBusy(wait=wait):
                return Busy(self._clock() + min(wait, MAX_PAUSE), str(error))
            case GeocodingRefused() | MissingSecret():
                _log.error("geocoding is parked: %s", error)
                return Busy(self._clock() + KEY_PAUSE, str(error))
            case _:
                return TargetFailed(str(error))
