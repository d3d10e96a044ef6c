"""A server that others call, and that goes wrong as it is told, until it is released. It asserts nothing."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset."""
_DRIP = 0.02
"""Seconds between two bytes that trickle."""
_BODY = b"x" * 4096


class Fault(StrEnum):
    NONE = "none"
    BEFORE_ACCEPT = "parked before accept"
    """The kernel takes the connection and the request; nobody reads them."""
    BEFORE_HEADERS = "parked before headers"
    AFTER_HEADERS = "parked after headers"
    TRICKLE = "trickles bytes"
    RESET = "resets connections"
    STORM = "answers 500"


class Downstream:
    """`async with running(fault) as downstream`, and `release()` to have it answer as it should."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.delay = 0.0
        """Seconds before each answer."""
        self.parked = 0
        """Requests that were read and have no complete answer."""
        self.requests = 0
        """Since the start."""
        self._released = asyncio.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._socket.setblocking(False)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def open(self) -> None:
        if self.fault is not Fault.BEFORE_ACCEPT:
            await self._accept()

    def go_wrong(self, fault: Fault) -> None:
        """From the next request on."""
        self.fault = fault
        self._released.clear()

    async def release(self) -> None:
        self.fault = Fault.NONE
        self._released.set()
        await self._accept()

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
        self._socket.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, sock=self._socket)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                self.parked += 1
                try:
                    await self._answer(writer)
                finally:
                    self.parked -= 1
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or this server closes
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay)
        if self.fault is Fault.RESET:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            raise ConnectionResetError
        if self.fault is Fault.BEFORE_HEADERS:
            await self._released.wait()
        status = b"500 Internal Server Error" if self.fault is Fault.STORM else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(_BODY)))
        if self.fault is Fault.AFTER_HEADERS:
            await self._released.wait()
        sent = 0
        while self.fault is Fault.TRICKLE and sent < len(_BODY) - 1:
            writer.write(_BODY[sent : sent + 1])
            sent += 1
            await asyncio.sleep(_DRIP)
        writer.write(_BODY[sent:])
        await writer.drain()


@asynccontextmanager
async def running(fault: Fault = Fault.NONE) -> AsyncIterator[Downstream]:
    downstream = Downstream(fault)
    await downstream.open()
    try:
        yield downstream
    finally:
        await downstream.aclose()
