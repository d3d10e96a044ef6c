"""Sockets closed together, within a time that holds whatever the other side does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from producers.closing import close_all


@dataclass
class SpeechSocket:
    """A client's side of a speech service."""

    connection: ClientConnection

    async def close(self) -> None:
        await self.connection.close()

    def abort(self) -> None:
        self.connection.transport.abort()


@asynccontextmanager
async def speech_service(*, reads: bool) -> AsyncIterator[str]:
    """One that never `reads` never learns that its client wants to close."""
    done = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        if reads:
            await connection.wait_closed()
        else:
            connection.transport.pause_reading()
            with suppress(asyncio.CancelledError):
                await done.wait()
            connection.transport.abort()

    server = await serve(handle, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        done.set()
        server.close()
        await server.wait_closed()


async def test_who_answers_is_closed_and_who_does_not_is_cut_in_time() -> None:
    async with speech_service(reads=True) as good, speech_service(reads=False) as bad:
        sockets = {
            name: SpeechSocket(await connect(url)) for name, url in (("a", good), ("b", bad), ("c", good))
        }
        before = asyncio.get_running_loop().time()
        cut = await close_all(sockets, within=0.4)
        assert asyncio.get_running_loop().time() - before < 1
        assert cut == {"b": "not closed after 0.4 s"}
        assert sockets["a"].connection.close_code == 1000
        await sockets["b"].connection.wait_closed()


@dataclass
class Scripted:
    """A connection whose close does as the test says."""

    ends: asyncio.Event = field(default_factory=asyncio.Event)
    fault: Exception | None = None
    aborted: int = 0
    is_stubborn: bool = False

    async def close(self) -> None:
        if self.fault is not None:
            raise self.fault
        while not self.ends.is_set():
            try:
                await self.ends.wait()
            except asyncio.CancelledError:
                if not self.is_stubborn:
                    raise

    def abort(self) -> None:
        self.aborted += 1


def closed() -> Scripted:
    one = Scripted()
    one.ends.set()
    return one


async def test_a_close_that_fails_is_told_and_cut() -> None:
    broken = Scripted(fault=ConnectionResetError("gone"))
    fine = closed()
    assert await close_all({"a": broken, "b": fine}) == {"a": "ConnectionResetError: gone"}
    assert (broken.aborted, fine.aborted) == (1, 0)


async def test_nothing_to_close_is_closed_at_once() -> None:
    assert await close_all({}) == {}


async def test_a_close_that_will_not_be_cancelled_holds_nobody_up() -> None:
    stubborn = Scripted(is_stubborn=True)
    assert set(await close_all({"a": stubborn}, within=0.2)) == {"a"}
    assert stubborn.aborted == 1
    stubborn.ends.set()


async def test_a_cancelled_caller_has_all_that_is_left_cut() -> None:
    open_one, done = Scripted(), closed()
    closing = asyncio.create_task(close_all({"a": open_one, "b": done}))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert (open_one.aborted, done.aborted) == (1, 0)
