"""Outgoing HTTP that cannot hold its caller up: pooled, bounded, with a total deadline and a capped answer.

It follows no redirect, decompresses nothing and retries nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
from opentelemetry import propagate

from lanes.admission import Admission, AdmissionStatistics
from lanes.circuit_breakers import Transition
from lanes.egress import EgressPolicy, check_url
from lanes.errors import (
    AnswerTooLarge,
    BadUrl,
    ConnectFailed,
    DeadlineExceeded,
    ExchangeFailed,
    LaneClosed,
    LaneError,
)
from lanes.settings import LaneSettings
from lanes.transport import TransportSettings, open_client, translating

OpenClient = Callable[[TransportSettings], httpx.AsyncClient]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send. `params` are merged into the query that the URL already has."""

    method: str
    url: str
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    content: bytes = b""
    deadline: float | None = None
    """Seconds for everything: waiting for a place, connecting, sending, reading. None: the lane's own."""
    target: str | None = None
    """Whose breaker and places these are; None: the URL's origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes
    """As it came; where the target compressed it unasked, `content-encoding` says so."""
    truncated: bool
    """The body was longer than the lane's cap."""


class StreamedAnswer:
    """An answer whose body is yet to be read."""

    def __init__(self, response: httpx.Response, max_bytes: int) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self._response = response
        self._max_bytes = max_bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece, as it comes. Raises AnswerTooLarge beyond the lane's cap."""
        length = 0
        async for chunk in self._response.aiter_raw():
            length += len(chunk)
            if length > self._max_bytes:
                raise AnswerTooLarge(self.status, self._max_bytes)
            yield chunk


class HttpLane:
    """A pool of connections for one purpose, bound to the event loop that opened it.

    Whatever one target does, it takes no more than its own places, and is left alone while its breaker is
    open.
    """

    def __init__(
        self,
        settings: LaneSettings,
        *,
        name: str = "http",
        egress: EgressPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_wait: Callable[[float], None] | None = None,
        on_transition: Callable[[Transition], None] | None = None,
        on_end: Callable[[str, float], None] | None = None,
        open_client: OpenClient = open_client,
    ) -> None:
        """`egress`: what a guarded lane goes by; the strict policy by default.

        Args:
            clock: of the breakers, in seconds.
            on_wait: told how many seconds each request waited for its place in the lane.
            on_transition: told of each breaker that opens, probes or closes.
            on_end: told how each request ended (`2xx` … `5xx`, the error's name, or `cancelled`), and after
                how many seconds.
            open_client: makes the transport; for tests with names and certificates of their own.
        """
        self.name = name
        self._settings = settings
        self._egress = (egress or EgressPolicy()) if settings.is_guarded else None
        self._admission = Admission(name, settings, clock=clock, on_wait=on_wait, on_transition=on_transition)
        self._on_end = on_end
        self._open_client = open_client
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = self._open_client(
            TransportSettings(
                connect_timeout=self._settings.connect_timeout,
                max_connections=self._settings.max_connections,
                keepalive=self._settings.keepalive,
                egress=self._egress,
            )
        )

    async def aclose(self, *, grace: float = 0.0) -> int:
        """Refuse new requests, let those under way end for `grace` seconds, then close the connections.

        Returns how many requests were cut off: they end in an error.
        """
        client, self._client = self._client, None
        if client is None:
            return 0
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._idle.wait()
        left = self._under_way
        await client.aclose()
        return left

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def send(self, request: Request) -> Answer:
        """Make one request and read its answer; a redirect is an answer like any other.

        Raises:
            BadUrl, EgressRefused: nothing was sent, and nothing ever will be to this URL.
            BreakerOpen, BulkheadFull, LaneSaturated: nothing was sent; try later.
            ConnectFailed: nothing was sent.
            DeadlineExceeded, ExchangeFailed, AnswerTooLarge: the request may have had its effect.
            LaneClosed: this lane is not open on this event loop.
        """
        async with self._exchange(request) as response:
            body, truncated = await self._read(response)
        return Answer(status=response.status_code, headers=response.headers, body=body, truncated=truncated)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedAnswer]:
        """Make one request and read its answer in the block, which the deadline covers. Raises as `send`."""
        async with self._exchange(request) as response:
            yield StreamedAnswer(response, self._settings.max_body_bytes)

    def retry_at(self, target: str) -> float | None:
        """When to come back to a target whose breaker is open, in the clock's seconds; None when now."""
        return self._admission.retry_at(target)

    def statistics(self) -> AdmissionStatistics:
        return self._admission.statistics()

    @asynccontextmanager
    async def _exchange(self, request: Request) -> AsyncIterator[httpx.Response]:
        """The response, its body yet to be read, and whatever comes of it as one of our errors."""
        client = self._opened()
        wire = self._on_the_wire(client, request)
        seconds = request.deadline or self._settings.deadline
        began, end = self._loop_time(), "cancelled"
        self._begin()
        try:
            async with AsyncExitStack() as admission:
                async with _until(began + seconds, seconds):
                    attempt = await admission.enter_async_context(
                        self._admission.of(request.target or _origin(wire.url))
                    )
                try:
                    async with _until(began + seconds, seconds), _sent(client, wire) as response:
                        yield response
                except (ConnectFailed, DeadlineExceeded, ExchangeFailed):
                    attempt.failed()
                    raise
                (attempt.failed if response.status_code >= 500 else attempt.succeeded)()
            end = f"{response.status_code // 100}xx"
        except LaneError as error:
            end = type(error).__name__
            raise
        finally:
            self._end()
            if self._on_end is not None:
                self._on_end(end, self._loop_time() - began)

    def _begin(self) -> None:
        self._under_way += 1
        self._idle.clear()

    def _end(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None or asyncio.get_running_loop() is not self._loop:
            raise LaneClosed(
                f"the {self.name} lane is not open on this event loop: open it in the loop's lifespan"
            )
        return self._client

    def _on_the_wire(self, client: httpx.AsyncClient, request: Request) -> httpx.Request:
        headers = dict(request.headers or {})
        if self._settings.is_traced:
            propagate.inject(headers)
        wire = client.build_request(
            request.method, _parsed(request), headers=headers, content=request.content
        )
        if self._egress is not None:
            check_url(wire.url, self._egress)
        return wire

    async def _read(self, response: httpx.Response) -> tuple[bytes, bool]:
        most = self._settings.max_body_bytes
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > most:
                if not self._settings.cuts_body:
                    raise AnswerTooLarge(response.status_code, most)
                return bytes(body[:most]), True
        return bytes(body), False


@asynccontextmanager
async def _until(ends_at: float, seconds: float) -> AsyncIterator[None]:
    """End the block at that moment of the loop's clock with DeadlineExceeded."""
    try:
        async with asyncio.timeout_at(ends_at) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceeded(f"no complete answer within {seconds:g} s") from error


@asynccontextmanager
async def _sent(client: httpx.AsyncClient, wire: httpx.Request) -> AsyncIterator[httpx.Response]:
    with translating(wire.url.host):
        response = await client.send(wire, stream=True)
        try:
            yield response
        finally:
            await response.aclose()


def _parsed(request: Request) -> httpx.URL:
    try:
        url = httpx.URL(request.url)
    except httpx.InvalidURL as error:
        raise BadUrl(f"URL cannot be parsed: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadUrl("URL must be absolute, with http or https and a host")
    return url.copy_merge_params(dict(request.params or {}))


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
