"""`sidelane up` in a process of its own, which a test can kill."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from emulator import Addresses

START_TIMEOUT = 20  # seconds


class EmulatorProcess:
    """A running emulator; `addresses` are those of its ready line."""

    def __init__(self, process: asyncio.subprocess.Process, ready: str) -> None:
        self._process = process
        self.ready = ready
        fields = dict(field.split("=") for field in ready.split()[1:])
        self.addresses = Addresses(**fields)

    def kill(self) -> None:
        """As kill -9 does it."""
        self._process.kill()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def wait(self) -> int:
        """The exit code."""
        async with asyncio.timeout(START_TIMEOUT):
            return await self._process.wait()


async def start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """`sidelane up` on the folder and any free ports."""
    ports = [f"--{port}-port=0" for port in ("tasks", "pubsub", "http")]
    command = ["-m", "cli.main", "up", "--data", str(folder), *ports, *arguments]
    return await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


@asynccontextmanager
async def up(folder: Path, *arguments: str) -> AsyncIterator[EmulatorProcess]:
    """A ready emulator; killed at the end, if it still runs."""
    process = await start(folder, *arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(START_TIMEOUT):
            ready = (await process.stdout.readline()).decode()
        if not ready:
            raise AssertionError((await process.stderr.read()).decode())
        yield EmulatorProcess(process, ready)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
