"""Hands a dispatch to an ASGI app of the same process, without a socket; it judges no answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from emulator.engine.clock import Clock, SystemClock
from emulator.engine.exchange import End, Failure, FailureReason, HttpRequest, Response
from emulator.engine.redirects import Answer, followed
from emulator.engine.retry_after import seconds_of

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

MAX_CALLS = 4096
"""Calls of the app at a time, those included that go on after their answer."""


@dataclass(frozen=True, slots=True)
class EmbeddedStatistics:
    """Calls of the app that have not returned, at most `max_calls`."""

    calls: int
    max_calls: int


class EmbeddedSender:
    """Sends every dispatch to `app`, whatever host its URL names. The app's lifespan is the caller's.

    As behind a server, an exchange ends with the last byte of the answer, and what the app does after that
    (background tasks) goes on. At the deadline the app is told of the disconnect and its call is cancelled.
    A dispatch beyond `max_calls` calls is answered 503.
    """

    def __init__(self, app: AsgiApp, *, max_calls: int = MAX_CALLS, clock: Clock | None = None) -> None:
        """`clock`: by which a Retry-After that is a date is read; the machine's without one."""
        self._app = app
        self._clock = clock or SystemClock()
        self._max_calls = max_calls
        self._calls: set[asyncio.Task[None]] = set()

    async def send(self, request: HttpRequest, deadline: float) -> End:
        """Return how the app answered, after at most `deadline` seconds. An app that raises is a 500."""
        try:
            async with asyncio.timeout(deadline):
                return await followed(request, self._exchange)
        except TimeoutError:
            return Failure(FailureReason.TIMEOUT, f"{request.url} did not answer within {deadline:g} s")

    async def _exchange(self, request: HttpRequest) -> Answer:
        if len(self._calls) >= self._max_calls:
            return Answer(Response(503))
        exchange = _Exchange(request, self._clock)
        call = asyncio.get_running_loop().create_task(exchange.run(self._app))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        try:
            return Answer(await exchange.end, exchange.headers.get("location"))
        finally:
            if not exchange.is_answered:
                exchange.disconnected.set()
                call.cancel()

    async def aclose(self) -> None:
        """Cancel what the app still does after its answers, and wait for it."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def statistics(self) -> EmbeddedStatistics:
        return EmbeddedStatistics(calls=len(self._calls), max_calls=self._max_calls)


class _Exchange:
    """One request and its answer, as the app sees them. `end` is what the sender waits for."""

    def __init__(self, request: HttpRequest, clock: Clock) -> None:
        self._request = request
        self._clock = clock
        self.headers: dict[str, str] = {}  # of the answer, by their names in lower case
        self._is_read = False
        self._status: int | None = None
        self.is_answered = False
        self.disconnected = asyncio.Event()
        self.end: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    async def run(self, app: AsgiApp) -> None:
        request = self._request
        try:
            await app(_scope(request), self._receive, self._send)
        except Exception:  # as a server does it: log, and answer 500
            logger.exception("the app failed on %s %s", request.method, request.url)
        finally:  # also where the app was cancelled
            if not self.is_answered:
                self._finish(self._unanswered())

    def _unanswered(self) -> End:
        """What an app that ended without the last byte of an answer comes to."""
        if self._status is None:
            return Response(500)
        return Failure(FailureReason.UNREACHABLE, f"{self._request.url} broke off its answer")

    async def _receive(self) -> Message:
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self.disconnected.is_set():
            return  # as to a client that is gone
        if message["type"] == "http.response.start":
            self._status = message["status"]
            given = message.get("headers", ())
            self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in given}
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            retry_after = seconds_of(self.headers.get("retry-after"), now=self._clock.now())
            self._finish(Response(500 if self._status is None else self._status, retry_after))

    def _finish(self, end: End) -> None:
        self.is_answered = True
        self.disconnected.set()
        if not self.end.done():
            self.end.set_result(end)


def _scope(request: HttpRequest) -> Message:
    """The HTTP connection scope of the ASGI specification, version 2.3."""
    url = urlsplit(request.url)
    path = url.path.encode() or b"/"
    host = url.netloc.rpartition("@")[2]
    headers = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    given = {name for name, _ in headers}
    if b"host" not in given:
        headers.insert(0, (b"host", host.encode()))
    if b"content-length" not in given:
        headers.append((b"content-length", str(len(request.body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": (url.hostname or "", url.port or (443 if url.scheme == "https" else 80)),
    }
