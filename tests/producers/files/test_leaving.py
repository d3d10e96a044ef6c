"""Work that ends with its caller's connection, and not before."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from producers.leaving import unless_left


class Connection:
    """What a server tells of one."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.request = Request({"type": "http"}, self.messages.get)

    def leave(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})


async def test_the_result_of_the_work_is_what_comes_back() -> None:
    async def work() -> int:
        return 7

    assert await unless_left(Connection().request, work()) == 7


async def test_what_the_work_raises_is_raised() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await unless_left(Connection().request, work())


async def test_a_caller_that_leaves_ends_the_work_and_waits_for_its_end() -> None:
    ended = False
    begun = asyncio.Event()

    async def work() -> None:
        nonlocal ended
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended = True

    connection = Connection()
    waiting = asyncio.create_task(unless_left(connection.request, work()))
    await begun.wait()
    connection.messages.put_nowait({"type": "http.request", "body": b""})  # the rest of a body says nothing
    connection.leave()
    with pytest.raises(ClientDisconnect):
        await waiting
    assert ended


async def test_a_cancelled_route_cancels_its_work() -> None:
    cancelled = asyncio.Event()
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    waiting = asyncio.create_task(unless_left(Connection().request, work()))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert cancelled.is_set()
