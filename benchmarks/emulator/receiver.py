"""Receives dispatches over HTTP/1.1 as cheaply as Python can, and counts them; it checks nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_END_OF_HEAD = b"\r\n\r\n"


class Receiver:
    """Answers 200 to every request, `delay` seconds after it came. `times` are `time.monotonic()`."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.times: list[float] = []
        self.url = ""
        self._awaited = 0
        self._arrived = asyncio.Event()

    def clear(self) -> None:
        """Forget what was received."""
        self.times.clear()

    async def received(self, count: int, *, within: float) -> None:
        """Return once there are `count` requests. Raises TimeoutError after `within` seconds."""
        self._awaited = count
        self._arrived.clear()
        if len(self.times) < count:
            async with asyncio.timeout(within):
                await self._arrived.wait()

    def note(self) -> None:
        self.times.append(time.monotonic())
        if len(self.times) == self._awaited:
            self._arrived.set()


class _Connection(asyncio.Protocol):
    """One connection, kept alive unless the sender says otherwise."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_END_OF_HEAD)
        if end < 0:
            return
        head = self._buffer[:end].lower()
        length = 0
        if (at := head.find(b"\r\ncontent-length:")) >= 0:
            length = int(head[at + 17 :].split(b"\r\n", 1)[0])
        size = end + len(_END_OF_HEAD) + length
        if len(self._buffer) < size:
            return
        self._buffer = self._buffer[size:]
        self._receiver.note()
        closes = b"\r\nconnection: close" in head
        if self._receiver.delay:
            asyncio.get_running_loop().call_later(self._receiver.delay, self._answer, closes)
        else:
            self._answer(closes)

    def _answer(self, closes: bool) -> None:
        self._transport.write(_ANSWER)
        if closes:
            self._transport.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver at `receiver.url`."""
    receiver = Receiver()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(receiver), "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/tasks"
    async with server:
        yield receiver
