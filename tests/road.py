"""A way to a server, for tests in which it goes away and comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast


class Road:
    """A way to a server that can be closed, with all who are on it, and opened again."""

    def __init__(self, to: str) -> None:
        self._to = to
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.host = f"127.0.0.1:{free.getsockname()[1]}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        host, _, port = self.host.rpartition(":")
        travellers: set[asyncio.Task[None]] = set()

        async def go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            travellers.add(task := cast("asyncio.Task[None]", asyncio.current_task()))
            try:
                await self._both_ways(reader, writer)
            finally:
                writer.close()
                travellers.discard(task)

        server = await asyncio.start_server(go, host, int(port))
        try:
            yield
        finally:
            server.close()
            for task in travellers:
                task.cancel()
            await asyncio.gather(*travellers, return_exceptions=True)

    async def _both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self._to.rpartition(":")
        back, there = await asyncio.open_connection(host, int(port))
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_carry(reader, there))
                ways.create_task(_carry(back, writer))
        finally:
            there.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
