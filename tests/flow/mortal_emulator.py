"""The emulator as a process that is killed and comes back at the same addresses, with what it had on disk."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from emulator import Addresses
from tests.emulator.process import EmulatorProcess, up

_PORTS = ("tasks", "pubsub", "http")


class MortalEmulator:
    """`sidelane up` on a catalog; dead letters are pushed to `dead_letter_url`."""

    def __init__(self, folder: Path, catalog_file: Path, dead_letter_url: str) -> None:
        ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self.addresses = Addresses(**{name: f"127.0.0.1:{port}" for name, port in ports.items()})
        self._folder = folder
        self._arguments = ["--queues", str(catalog_file), "--dead-letter-url", dead_letter_url]
        self._arguments += [f"--{name}-port={port}" for name, port in ports.items()]
        self._stack = AsyncExitStack()
        self._process: EmulatorProcess | None = None

    async def open(self) -> None:
        self._process = await self._stack.enter_async_context(up(self._folder, *self._arguments))

    async def kill(self) -> None:
        """As kill -9 does it; return when it is gone."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
        await self.aclose()

    async def aclose(self) -> None:
        await self._stack.aclose()
        self._process = None


@asynccontextmanager
async def mortal_emulator(
    folder: Path, catalog_file: Path, dead_letter_url: str
) -> AsyncIterator[MortalEmulator]:
    """Ready; ended when the block ends."""
    emulator = MortalEmulator(folder, catalog_file, dead_letter_url)
    await emulator.open()
    try:
        yield emulator
    finally:
        await emulator.aclose()


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens at now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
