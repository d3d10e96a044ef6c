"""Carries a push to its endpoint and returns the status; it decides nothing about what the status means."""

from __future__ import annotations

from typing import Protocol

import aiohttp

from emulator.pubsub.errors import PushError
from emulator.pubsub.push_request import PushRequest

CONNECTIONS = 256


class PushSender(Protocol):
    """The way of a push to its endpoint."""

    async def post(self, request: PushRequest) -> int:
        """The status of the answer. Raises PushError where none comes within the request's deadline."""
        ...


class HttpPushSender:
    """Pushes over one pool of at most `connections`; a push beyond that waits for one within its deadline."""

    def __init__(self, *, connections: int = CONNECTIONS) -> None:
        self._connections = connections

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def aclose(self) -> None:
        await self._session.close()

    async def post(self, request: PushRequest) -> int:
        try:
            async with self._session.post(
                request.url,
                data=request.body,
                headers=request.headers,
                timeout=aiohttp.ClientTimeout(total=request.deadline),
                allow_redirects=False,  # to Pub/Sub a redirect is a failure
            ) as response:
                return response.status
        except TimeoutError as exc:
            raise PushError(f"{request.url} did not answer within {request.deadline:g} s") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise PushError(f"{request.url} could not be reached: {exc}") from exc
