"""Ends the work of a route when its caller leaves, since a server tells that to nobody who does not ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

Result = TypeVar("Result")


async def unless_left(request: Request, work: Awaitable[Result]) -> Result:
    """The result of `work`, which is cancelled when the caller's connection ends. For when the body was read.

    Raises ClientDisconnect, and what `work` raises.
    """

    async def until_left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(until_left())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait((working, leaving))
        for task in (working, leaving):
            if not task.cancelled():
                task.exception()  # of one that nobody waits for any more
