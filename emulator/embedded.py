"""Hands a dispatch to an ASGI app of the same process, without a socket; it judges no answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.engine.exchange import End, Failure, FailureReason, HttpRequest, Response

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


class EmbeddedSender:
    """Sends every dispatch to `app`, whatever host its URL names. The app's lifespan is the caller's."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def send(self, request: HttpRequest, deadline: float) -> End:
        """Return how the app answered; it is cancelled at the `deadline`. An app that raises is a 500."""
        status: int | None = None
        body_given = False

        async def receive() -> Message:
            nonlocal body_given
            if body_given:
                return {"type": "http.disconnect"}
            body_given = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]

        try:
            async with asyncio.timeout(deadline):
                await self._app(_scope(request), receive, send)
        except TimeoutError:
            return Failure(FailureReason.TIMEOUT, f"{request.url} did not answer within {deadline:g} s")
        except Exception:  # as a server does it: log, and answer 500
            logger.exception("the app failed on %s %s", request.method, request.url)
            return Response(500)
        return Response(500 if status is None else status)


def _scope(request: HttpRequest) -> Message:
    """The HTTP connection scope of the ASGI specification, version 2.3."""
    url = urlsplit(request.url)
    headers = [(b"host", url.netloc.encode()), (b"content-length", str(len(request.body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path) or "/",
        "raw_path": (url.path or "/").encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": (url.hostname or "", url.port or (443 if url.scheme == "https" else 80)),
    }
