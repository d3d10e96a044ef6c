"""Carries a dispatch to its target over HTTP; it decides nothing about what the answer means."""

from __future__ import annotations

import asyncio
import re

import aiohttp
from yarl import URL

from emulator.engine.clock import Clock, SystemClock
from emulator.engine.exchange import End, Failure, FailureReason, HttpRequest, Response
from emulator.engine.redirects import Answer, followed
from emulator.engine.retry_after import seconds_of

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_BODY_READ = 65_536
"""Bytes of an answer's body that are read so that its connection can be used again; longer ones close it."""


class HttpSender:
    """One pool of at most `connections`; a dispatch beyond that waits for one within its deadline.

    Redirects are followed where the request says so, cookies not kept, and no header is added that the
    request does not have, but those that HTTP itself needs.
    """

    def __init__(self, *, connections: int, clock: Clock | None = None) -> None:
        """`clock`: by which a Retry-After that is a date is read; the machine's without one."""
        self._connections = connections
        self._clock = clock or SystemClock()

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # each dispatch has its own deadline
            auto_decompress=False,
            skip_auto_headers=_AUTOMATIC,
        )

    async def aclose(self) -> None:
        await self._session.close()

    async def send(self, request: HttpRequest, deadline: float) -> End:
        """Return how the dispatch ended, after at most `deadline` seconds."""
        try:
            async with asyncio.timeout(deadline):
                return await followed(request, self._exchange)
        except TimeoutError:
            return Failure(FailureReason.TIMEOUT, f"{request.url} did not answer within {deadline:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            return Failure(FailureReason.UNREACHABLE, f"{request.url} could not be reached: {exc!r}")

    async def _exchange(self, request: HttpRequest) -> Answer:
        if _BAD_ESCAPE.search(request.url):
            raise ValueError("its URL has a bad percent-escape")
        async with self._session.request(
            request.method,
            URL(request.url, encoded=request.url.isascii()),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
        ) as response:
            length = 0
            async for chunk in response.content.iter_any():
                length += len(chunk)
                if length > _BODY_READ:
                    response.close()
                    break
            retry_after = seconds_of(response.headers.get("Retry-After"), now=self._clock.now())
            return Answer(Response(response.status, retry_after), response.headers.get("Location"))
