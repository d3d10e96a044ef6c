"""Outgoing HTTP that cannot hold its caller up: pooled, with a total deadline and a capped answer.

The one module that chooses the transport: httpx is what callers see, aiohttp carries it, since
httpx's own pool collapses under dozens of requests in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from lanes.errors import BadUrl, ConnectFailed, DeadlineExceeded, ExchangeFailed, LaneClosed


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    connect_timeout: float
    """Seconds to make a connection."""
    max_connections: int
    """A request that finds none free waits, within its deadline."""
    max_body_bytes: int
    """What is read of an answer; the rest is cut off."""


WEBHOOKS = LaneSettings(connect_timeout=2.0, max_connections=64, max_body_bytes=20_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes
    truncated: bool
    """The body was longer than the lane's cap."""


@dataclass(frozen=True, slots=True)
class LaneStatistics:
    in_flight: int
    max_connections: int


class HttpLane:
    """A pool of connections for one purpose, bound to the event loop that opened it."""

    def __init__(self, settings: LaneSettings) -> None:
        self._settings = settings
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._in_flight = 0

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        limits = httpx.Limits(max_connections=self._settings.max_connections)
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(limits=limits, trust_env=False),
            timeout=httpx.Timeout(None, connect=self._settings.connect_timeout),
            follow_redirects=False,
            trust_env=False,
            # Unasked-for compression is a way to blow up a small answer.
            headers={"Accept-Encoding": "identity", "User-Agent": "Sidelane"},
        )

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        deadline: float,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> Answer:
        """Make one request and read its answer; redirects are answers like any other.

        Args:
            deadline: seconds for everything: waiting for a connection, sending, reading.
            params: merged into the query that the URL already has.

        Raises:
            LaneClosed, BadUrl, DeadlineExceeded, ConnectFailed, ExchangeFailed.
        """
        if self._client is None or asyncio.get_running_loop() is not self._loop:
            raise LaneClosed("this lane is not open on this event loop: open it in the loop's lifespan")
        request = self._client.build_request(
            method, _checked(url, params), headers=dict(headers or {}), content=content
        )
        self._in_flight += 1
        try:
            async with asyncio.timeout(deadline):
                return await self._exchange(self._client, request)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise _timed_out(error, deadline) from error
        except (httpx.ConnectError, httpx.UnsupportedProtocol) as error:
            raise ConnectFailed(f"no connection to {request.url.host}: {error}") from error
        except (httpx.HTTPError, aiohttp.ClientError) as error:  # some pass the transport untranslated
            raise ExchangeFailed(f"exchange with {request.url.host} broke: {error}") from error
        finally:
            self._in_flight -= 1

    def statistics(self) -> LaneStatistics:
        return LaneStatistics(in_flight=self._in_flight, max_connections=self._settings.max_connections)

    async def _exchange(self, client: httpx.AsyncClient, request: httpx.Request) -> Answer:
        response = await client.send(request, stream=True)
        try:
            body, truncated = await self._read(response)
        finally:
            await response.aclose()
        return Answer(status=response.status_code, headers=response.headers, body=body, truncated=truncated)

    async def _read(self, response: httpx.Response) -> tuple[bytes, bool]:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._settings.max_body_bytes:
                return bytes(body[: self._settings.max_body_bytes]), True
        return bytes(body), False


def _checked(url: str, params: Mapping[str, str] | None) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise BadUrl(f"URL cannot be parsed: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise BadUrl("URL must be absolute, with http or https and a host")
    return parsed.copy_merge_params(dict(params or {}))


def _timed_out(error: Exception, deadline: float) -> ConnectFailed | DeadlineExceeded:
    # The transport reports a reset connection as a connect timeout; the cause tells them apart.
    if isinstance(error, httpx.ConnectTimeout) and not isinstance(error.__cause__, TimeoutError):
        return ConnectFailed(f"connection failed: {error.__cause__ or error}")
    return DeadlineExceeded(f"no complete answer within {deadline:g} s")
