"""Ends a call whose caller has left, and at the end of the emulator every call that still waits; no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from starlette.requests import ClientDisconnect, Request

from emulator.errors import ApiError

T = TypeVar("T")

_GRACE = 1.0
"""Seconds in which calls may end when the emulator closes; then a pull that waits for messages gives up."""


class CallsUnderWay:
    """As many as there are requests. What a call has begun to write it writes, whoever left."""

    def __init__(self) -> None:
        self._calls: set[asyncio.Future[Any]] = set()
        self._is_closing = False

    async def run(self, request: Request, call: Callable[[], Awaitable[T]]) -> T:
        """What `call` returns. The body of `request` must have been read.

        Raises what `call` raises, ApiError UNAVAILABLE at the end of the emulator, and starlette's
        ClientDisconnect.
        """
        if self._is_closing:
            raise _shutting_down()
        answering = asyncio.ensure_future(call())
        leaving = asyncio.create_task(_left(request))
        self._calls.add(answering)
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                raise ClientDisconnect
            if answering.cancelled():
                raise _shutting_down()
            return answering.result()
        finally:
            self._calls.discard(answering)
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def aclose(self) -> None:
        """Take no more calls; those under way have a second to end."""
        self._is_closing = True
        if not self._calls:
            return
        _, waiting = await asyncio.wait(self._calls, timeout=_GRACE)
        for call in waiting:
            call.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _shutting_down() -> ApiError:
    return ApiError(grpc.StatusCode.UNAVAILABLE, "The emulator is shutting down.")
