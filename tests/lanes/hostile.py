"""Servers that answer as no HTTP library would: bytes on a real socket, and names as a test likes them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answers = Callable[[str], Sequence[str] | None]
"""The addresses of a name; none is NXDOMAIN, None no answer at all."""


@dataclass(slots=True)
class Target:
    port: int
    scheme: str
    connections: int = 0
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/"

    async def left(self) -> None:
        """Return once every connection was closed from the other side. Raises TimeoutError."""
        async with asyncio.timeout(5):
            await asyncio.gather(*self.serving)


@asynccontextmanager
async def target(
    serve: Serve, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Target]:
    """Serve each connection with `serve`, then read until the other side has left."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.connections += 1
        task = asyncio.current_task()
        assert task is not None
        running.serving.add(task)
        try:
            await serve(reader, writer)
            while await reader.read(65_536):
                pass
        except (ConnectionError, RuntimeError, asyncio.CancelledError):
            pass  # the other side has left, as it should (uvloop: RuntimeError), or the test has ended
        finally:
            running.serving.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    running = Target(server.sockets[0].getsockname()[1], "http" if tls is None else "https")
    try:
        yield running
    finally:
        server.close()
        for task in running.serving:
            task.cancel()
        await asyncio.gather(*running.serving, return_exceptions=True)


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection with an RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class _NameServer(asyncio.DatagramProtocol):
    """Answers A and AAAA over UDP (RFC 1035, 4.1): just what these tests ask."""

    def __init__(self, answers: Answers, asked: list[str], was_asked: asyncio.Event) -> None:
        self._answers = answers
        self._asked = asked
        self._was_asked = was_asked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, at = [], 12
        while length := data[at]:
            labels.append(data[at + 1 : at + 1 + length].decode())
            at += 1 + length
        question = data[12 : at + 5]
        (kind,) = struct.unpack_from("!H", data, at + 1)
        name = ".".join(labels).lower()
        if kind == 1:
            self._asked.append(name)
            self._was_asked.set()
        found = self._answers(name)
        if found is None:
            return
        version = {1: 4, 28: 6}.get(kind)
        addresses = [address for text in found if (address := ip_address(text)).version == version]
        flags = 0x8180 if found else 0x8183
        reply = data[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0) + question
        for address in addresses:
            reply += struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(address.packed)) + address.packed
        self._transport.sendto(reply, addr)


@dataclass(slots=True)
class NameServer:
    port: int
    asked: list[str]
    """A name for each time that its IPv4 addresses were asked for."""
    was_asked: asyncio.Event


@asynccontextmanager
async def name_server(answers: Answers) -> AsyncIterator[NameServer]:
    asked: list[str] = []
    was_asked = asyncio.Event()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _NameServer(answers, asked, was_asked), local_addr=("127.0.0.1", 0)
    )
    try:
        yield NameServer(transport.get_extra_info("sockname")[1], asked, was_asked)
    finally:
        transport.close()
