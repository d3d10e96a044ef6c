"""A name server that holds every question until it is released; then each name is 127.0.0.1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_A = b"\x00\x01"
_TYPE_CLASS = 4
"""Bytes behind the name of a question."""


def answered(question: bytes) -> bytes:
    """The answer to one question (RFC 1035, 4.1): an A record, or none of any other type."""
    end = question.index(b"\x00", 12) + 1 + _TYPE_CLASS
    has_address = question[end - _TYPE_CLASS : end - 2] == _A
    head = question[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if has_address else b"\x00\x00") + bytes(4)
    record = b"\xc0\x0c" + _A + b"\x00\x01" + bytes(4) + b"\x00\x04\x7f\x00\x00\x01"
    return head + question[12:end] + (record if has_address else b"")


class NameServer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._held: list[tuple[bytes, tuple[str, int]]] = []
        self._is_released = False

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    @property
    def port(self) -> int:
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._held.append((data, addr))
        if self._is_released:
            self.release()

    def release(self) -> None:
        self._is_released = True
        for question, address in self._held:
            self._transport.sendto(answered(question), address)
        self._held.clear()

    def hold(self) -> None:
        self._is_released = False


@asynccontextmanager
async def name_server() -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
