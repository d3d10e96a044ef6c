"""Asks Google's Geocoding API for the address of a point: on the request path, and for the durable task.

Who needs the answer at once awaits `Geocoder.lookup`; who does not enqueues a `Geocode`, whose handler calls
the same. Nothing here waits for a quota or tries again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from pydantic import BaseModel, Field, ValidationError

from contracts import Coordinates
from lanes import (
    Answer,
    BadRequest,
    BadUrl,
    BreakerOpen,
    EgressRefused,
    HttpLane,
    LaneError,
    NotAdmitted,
    Request,
    SingleFlight,
    retry_after,
)
from producers.errors import GeocodingBusy, GeocodingFailed, GeocodingRefused
from stores import Address, Places

_log = logging.getLogger(__name__)

FIELDS = "results.placeId,results.formattedAddress,results.location,results.granularity"
"""What is asked for of an answer; its rest would be bought for nothing."""
QUOTA_PAUSE = timedelta(seconds=60)
"""Quotas are by the minute; for an answer over quota that names no time."""
LANE_PAUSE = timedelta(seconds=5)
"""Until one that found the lane full tries again."""

ApiKey = Callable[[], Awaitable[str]]
"""Gives the key, whatever keeps it; called for every request, so it caches."""


class Geocoder:
    """Reverse geocoding, v4: https://developers.google.com/maps/documentation/geocoding/reverse-geocoding

    An answer is kept for 48 hours for all points of its cell (`Coordinates.cell`), a point without address
    too; equal questions at once are asked once.
    """

    def __init__(
        self,
        lane: HttpLane,
        places: Places,
        *,
        base_url: str,
        key: ApiKey,
        clock: Callable[[], datetime],
    ) -> None:
        """`base_url`: without a path, such as https://geocode.googleapis.com."""
        self._lane = lane
        self._places = places
        self._base_url = base_url
        self._key = key
        self._clock = clock
        self._flights: SingleFlight[Address | None] = SingleFlight()

    async def lookup(self, at: Coordinates) -> Address | None:
        """The address of a point; None where there is none.

        Takes no longer than the lane's deadline and two calls of the store.

        Raises:
            GeocodingBusy: over quota, or the lane is full; says how long to stay away.
            GeocodingRefused: the service refuses our key, or the settings cannot be used.
            GeocodingFailed: no answer, or none that can be read.
            StoreUnavailable: the cache is away.
        """
        return await self._flights.run(at.cell(), lambda: self._lookup(at))

    async def _lookup(self, at: Coordinates) -> Address | None:
        known = await self._places.recall(at.cell(), now=self._clock())
        if known is not None:
            return known.address
        answer = await self._ask(at)
        if answer.status == 400 and not _blames_key(answer):
            # The point is refused, which says nothing of its neighbours; its text may name it: no log has it.
            _log.warning("geocoding refuses a point (%s)", _reasons(answer) or "no reason given")
            return None
        address = read_answer(answer, self._clock())
        await self._places.remember(at.cell(), address, now=self._clock())
        return address

    async def _ask(self, at: Coordinates) -> Answer:
        headers = {"X-Goog-Api-Key": await self._key(), "X-Goog-FieldMask": FIELDS}
        url = f"{self._base_url}/v4/geocode/location/{at.rounded(6)}"
        try:
            return await self._lane.send(Request(method="GET", url=url, headers=headers))
        except BreakerOpen as error:
            raise GeocodingBusy(str(error), timedelta(seconds=error.retry_after)) from error
        except NotAdmitted as error:
            raise GeocodingBusy(str(error), LANE_PAUSE) from error
        except (BadUrl, BadRequest, EgressRefused) as error:
            raise GeocodingRefused(f"{error}; check SIDELANE_GEOCODING_URL and _KEY") from error
        except LaneError as error:
            raise GeocodingFailed(str(error)) from error


class _Location(BaseModel):
    latitude: float = 0.0  # the service leaves out what is zero, as protobuf's JSON does
    longitude: float = 0.0


class _Result(BaseModel):
    place_id: str = Field(alias="placeId")
    formatted_address: str = Field(alias="formattedAddress")
    location: _Location
    granularity: str = ""


class _Results(BaseModel):
    results: tuple[_Result, ...] = ()


class _ErrorInfo(BaseModel):
    reason: str = ""


class _Error(BaseModel):
    status: str = ""
    details: tuple[_ErrorInfo, ...] = ()


class _ErrorAnswer(BaseModel):
    """Google's error shape: https://cloud.google.com/apis/design/errors"""

    error: _Error = _Error()


def read_answer(answer: Answer, now: datetime) -> Address | None:
    """The first address of an answer, the most exact one; None where the service knows none.

    Raises `GeocodingFailed` and its kinds for every answer that says neither. A 400 that blames the key is as
    a 403: so does Google answer a key that does not exist.
    """
    if answer.status == 200:
        return _first(answer.body)
    detail = f"geocoding answered {answer.status}" + (f" ({why})" if (why := _reasons(answer)) else "")
    if answer.status == 429:
        asked = retry_after(answer.headers.get("retry-after"), now)
        raise GeocodingBusy(detail, QUOTA_PAUSE if asked is None else asked)
    if answer.status in (401, 403) or _blames_key(answer):
        raise GeocodingRefused(
            f"{detail}: SIDELANE_GEOCODING_KEY must be a key of a project that may use the Geocoding API"
        )
    raise GeocodingFailed(detail)


def _first(body: bytes) -> Address | None:
    try:
        results = _Results.model_validate_json(body).results
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise GeocodingFailed(f"geocoding's answer cannot be read: {place}: {first['msg']}") from error
    if not results:
        return None
    first_one = results[0]
    return Address(
        google_place_id=first_one.place_id,
        latitude=first_one.location.latitude,
        longitude=first_one.location.longitude,
        address=first_one.formatted_address,
        location_type=first_one.granularity,
    )


def _error(answer: Answer) -> _Error:
    try:
        return _ErrorAnswer.model_validate_json(answer.body).error
    except ValidationError:  # a proxy's page, say
        return _Error()


def _blames_key(answer: Answer) -> bool:
    return answer.status == 400 and any(info.reason.startswith("API_KEY_") for info in _error(answer).details)


def _reasons(answer: Answer) -> str:
    """The words of an error that are made for programs; its message may quote what was asked."""
    error = _error(answer)
    return ", ".join(filter(None, [error.status, *(info.reason for info in error.details)]))[:200]
