"""Runs PyPI's `gcloud-tasks-emulator` 0.6.2 in a virtual environment of its own, as it needs protobuf 4.

It keeps tasks in memory and dispatches one at a time from each queue.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio

from benchmarks.processes import REPOSITORY

VERSION = "0.6.2"
FOLDER = REPOSITORY / "build" / "peers" / f"gcloud-tasks-emulator-{VERSION}"
START_TIMEOUT = 30.0
"""Seconds."""


class PeerNotInstalledError(Exception):
    """The peer could not be installed; the message says why."""


async def install() -> None:
    """Make the virtual environment unless it is there. Raises PeerNotInstalledError."""
    done = FOLDER / "installed"
    if done.exists():
        return
    await _run(sys.executable, "-m", "venv", str(FOLDER))
    packages = (f"gcloud-tasks-emulator=={VERSION}", "protobuf<5")
    await _run(str(FOLDER / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *packages)
    done.touch()


@asynccontextmanager
async def peer_up() -> AsyncIterator[str]:
    """The address of a running peer, killed at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        str(FOLDER / "bin" / "gcloud-tasks-emulator"), "start", "--quiet", "--port", str(port),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"127.0.0.1:{port}"
        async with asyncio.timeout(START_TIMEOUT), grpc.aio.insecure_channel(address) as channel:
            await channel.channel_ready()
        yield address
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise PeerNotInstalledError(
            f"gcloud-tasks-emulator {VERSION} could not be installed to {FOLDER}: {output.decode().strip()}"
        )
