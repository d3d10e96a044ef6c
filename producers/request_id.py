"""Gives every request an id, or takes its caller's, and names it in the answer and in logs. Decides nothing.

The id is for people who follow one request through several services; it proves nothing.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from lanes import log_fields

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
_NAME = HEADER.lower().encode()
_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""What may stand in a log and in a header unchanged."""


class RequestId:
    """ASGI middleware: `request.state.request_id`, the answer's X-Request-Id, and `request_id` in its logs.

    A caller's own id is taken where it is short and plain; otherwise one is made.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _told(scope) or uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def named(message: Message) -> None:
            if message["type"] in _STARTS:
                headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != _NAME]
                message["headers"] = [*headers, (_NAME, request_id.encode())]
            await send(message)

        with log_fields(request_id=request_id):
            await self._app(scope, receive, named)


_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


def _told(scope: Scope) -> str | None:
    told = [value for name, value in scope["headers"] if name == _NAME]
    return told[0].decode() if len(told) == 1 and _SANE.fullmatch(told[0]) else None
