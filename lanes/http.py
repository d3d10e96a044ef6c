"""Outgoing HTTP that cannot hold its caller up: pooled, bounded, with a total deadline and a capped answer.

It follows no redirect, decodes nothing, keeps no cookie, and retries nothing that may have had an effect.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, cast

import httpx
from opentelemetry import trace

from lanes.admission import Admission, AdmissionStatistics
from lanes.circuit_breakers import Attempt, Transition
from lanes.egress import EgressPolicy, check_url
from lanes.errors import AnswerTooLarge, ConnectFailed, DeadlineExceeded, ExchangeFailed, LaneClosed
from lanes.request import Request, origin, wired
from lanes.settings import LaneSettings
from lanes.spans import RequestSpan
from lanes.transport import TransportSettings, open_transport

OpenTransport = Callable[[TransportSettings], httpx.AsyncBaseTransport]


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

    def __init__(self, response: httpx.Response, attempt: Attempt, max_bytes: int) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self._response = response
        self._attempt = attempt
        self._max_bytes = max_bytes

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece, as it comes, up to the lane's cap.

        Raises AnswerTooLarge when there is more, ExchangeFailed when the connection breaks.
        """
        left = self._max_bytes
        stream = cast(
            httpx.AsyncByteStream, self._response.stream
        )  # httpx's aiter_raw() adds errors of its own
        try:
            async for chunk in stream:
                yield chunk[:left]
                left -= len(chunk)
                if left < 0:
                    raise AnswerTooLarge(self.status, self._max_bytes)
        except ExchangeFailed:
            self._attempt.failed()
            raise


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
        open_transport: OpenTransport = open_transport,
        tracer: trace.Tracer | None = None,
    ) -> None:
        """`egress`: what a guarded lane goes by; the strict policy by default.

        Args:
            clock: of the breakers, in seconds.
            on_wait: told how many seconds each request waited for its place in the lane.
            on_transition: told of each breaker that opens, probes or closes.
            on_end: told how each request ended (`2xx` … `5xx`, the error's name, or `cancelled`), and after
                how many seconds.
            open_transport: makes the connections; for tests with names and certificates of their own.
            tracer: makes a span of each request; that of the process by default.
        """
        self.name = name
        self._settings = settings
        self._egress = (egress or EgressPolicy()) if settings.is_guarded else None
        self._admission = Admission(name, settings, clock=clock, on_wait=on_wait, on_transition=on_transition)
        self._on_end = on_end
        self._open_transport = open_transport
        self._tracer = tracer or trace.get_tracer("sidelane.lanes")
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._transport: httpx.AsyncBaseTransport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = self._open_transport(
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
        transport, self._transport = self._transport, None
        if transport is None:
            return 0
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._idle.wait()
        left = self._under_way
        await transport.aclose()
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
            BadUrl, BadRequest, EgressRefused: nothing was sent, and nothing ever will be of this request.
            BreakerOpen, BulkheadFull, LaneSaturated: nothing was sent; try later.
            ConnectFailed: nothing was sent.
            DeadlineExceeded, ExchangeFailed, AnswerTooLarge: the request may have had its effect.
            LaneClosed: this lane is not open on this event loop.
        """
        body = bytearray()
        truncated = False
        async with self.stream(request) as answer:
            try:
                async for chunk in answer.chunks():
                    body += chunk
            except AnswerTooLarge:
                if not self._settings.cuts_body:
                    raise
                truncated = True
        return Answer(status=answer.status, headers=answer.headers, body=bytes(body), truncated=truncated)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedAnswer]:
        """Make one request and read its answer in the block, which the deadline covers. Raises as `send`.

        What the block raises itself says nothing of the target: that counts as having answered.
        """
        transport = self._opened()
        seconds = self._settings.deadline if request.deadline is None else request.deadline
        began, end, error_type = self._loop_time(), "cancelled", "cancelled"
        self._begin()
        span = RequestSpan(self._tracer, request.method)
        try:
            wire = self._wired(request, span)
            async with (
                _within(seconds) as limit,
                self._admission.of(request.target or origin(wire.url)) as attempt,
                _Exchange(transport, wire, attempt, limit) as response,
            ):
                span.answered(response.status_code)
                yield StreamedAnswer(response, attempt, self._settings.max_body_bytes)
            end, error_type = f"{response.status_code // 100}xx", ""
        except Exception as error:
            end = error_type = type(error).__name__
            raise
        finally:
            self._end()
            span.end(error_type or None)
            if self._on_end is not None:
                self._on_end(end, self._loop_time() - began)

    def retry_at(self, target: str) -> float | None:
        """When to come back to a target whose breaker is open, in the clock's seconds; None when now."""
        return self._admission.retry_at(target)

    def statistics(self) -> AdmissionStatistics:
        return self._admission.statistics()

    def _begin(self) -> None:
        self._under_way += 1
        self._idle.clear()

    def _end(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()

    def _opened(self) -> httpx.AsyncBaseTransport:
        if self._transport is None or asyncio.get_running_loop() is not self._loop:
            raise LaneClosed(
                f"the {self.name} lane is not open on this event loop: open it in the loop's lifespan"
            )
        return self._transport

    def _wired(self, request: Request, span: RequestSpan) -> httpx.Request:
        wire = wired(request, span.headers() if self._settings.is_traced else {})
        span.goes_to(wire.url)
        if self._egress is not None:
            check_url(wire.url, self._egress)
        return wire


class _Exchange:
    """A request under way, from its sending to its verdict on the target; the response is open meanwhile."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        wire: httpx.Request,
        attempt: Attempt,
        limit: asyncio.Timeout,
    ) -> None:
        self._transport = transport
        self._wire = wire
        self._attempt = attempt
        self._limit = limit

    async def __aenter__(self) -> httpx.Response:
        try:
            self._response = await self._transport.handle_async_request(self._wire)
        except (ConnectFailed, ExchangeFailed):
            self._attempt.failed()
            raise
        except asyncio.CancelledError:
            self._cancelled()
            raise
        return self._response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._response.aclose()
        if isinstance(error, asyncio.CancelledError):
            self._cancelled()
        elif self._response.status_code >= 500:
            self._attempt.failed()
        else:
            self._attempt.succeeded()

    def _cancelled(self) -> None:
        if self._limit.expired():  # else the caller has left, which says nothing of the target
            self._attempt.failed()


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """End the block after so long with DeadlineExceeded; at once when no time is left."""
    if seconds <= 0:
        raise DeadlineExceeded("no time was left to send the request")
    try:
        async with asyncio.timeout(seconds) as limit:
            yield limit
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlineExceeded(f"no complete answer within {seconds:g} s") from error
