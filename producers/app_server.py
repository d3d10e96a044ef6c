"""Asks an app's own server, whose URL its developer gave: guarded, short, capped. Believes nothing."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from lanes import (
    BadRequest,
    BadUrl,
    DeadlineExceeded,
    EgressRefused,
    HttpLane,
    LaneClosed,
    LaneError,
    NotAdmitted,
    Request,
)
from producers.errors import RequestRefused, ThirdPartyBusy, ThirdPartyFailed, ThirdPartySlow

Model = TypeVar("Model", bound=BaseModel)

DEADLINE = 8.0
"""Seconds for a request to an app's server, which a user waits for."""
MAX_BYTES = 256 * 1024
"""Of an answer."""
_NAME = "the app's server"


class AppServers:
    """Of all apps: each origin has its own breaker in the lane, which must be a guarded one."""

    def __init__(self, lane: HttpLane) -> None:
        self._lane = lane

    async def get(self, url: str, model: type[Model], *, params: dict[str, str] | None = None) -> Model:
        """The JSON that a GET of this URL answers, in this shape; redirects are not followed.

        Raises:
            RequestRefused: the URL leads where no request of ours may go.
            ThirdPartyFailed and its kinds: no answer, another status than 200, or another shape.
        """
        request = Request(
            method="GET",
            url=url,
            params=params,
            headers={"Accept": "application/json"},
            deadline=DEADLINE,
        )
        body = bytearray()
        try:
            async with self._lane.stream(request) as answer:
                if answer.status != 200:
                    raise ThirdPartyFailed(_NAME, f"it answered {answer.status}, not 200")
                async for chunk in answer.chunks():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise ThirdPartyFailed(_NAME, f"its answer is longer than {MAX_BYTES} bytes")
        except LaneError as error:
            raise _failed(error) from error
        try:
            return model.model_validate_json(bytes(body))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "body"
            raise ThirdPartyFailed(_NAME, f"its answer: {place}: {first['msg']}") from error


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port. Raises `RequestRefused` where this is no URL of http or https."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    if port is None or not parts.hostname:
        raise RequestRefused("a URL must be absolute, with http or https and a host")
    return parts.scheme, parts.hostname, port


def _failed(error: LaneError) -> Exception:
    if isinstance(error, EgressRefused | BadUrl | BadRequest):
        return RequestRefused(f"the app's URL: {error}")
    if isinstance(error, NotAdmitted | LaneClosed):
        wait = getattr(error, "retry_after", 5.0)
        return ThirdPartyBusy(_NAME, "it failed too often, or too many ask already", wait=wait)
    if isinstance(error, DeadlineExceeded):
        return ThirdPartySlow(_NAME, str(error))
    return ThirdPartyFailed(_NAME, str(error))
