"""Bounds what the reference backend reads of a request, before anything parses it. Looks at no content."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: reading a body of more than `limit` bytes raises a 413.

    `larger` are the limits of paths that take files, which they write piece by piece.
    """

    def __init__(
        self, app: ASGIApp, limit: int, *, larger: Sequence[tuple[re.Pattern[str], int]] = ()
    ) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0
        limit = self._limit_of(scope)

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413, f"the body is over the limit of {limit} bytes; send less at once")
            return message

        await self._app(scope, limited, send)

    def _limit_of(self, scope: Scope) -> int:
        path = scope.get("path", "")
        return next((limit for pattern, limit in self._larger if pattern.fullmatch(path)), self._limit)
