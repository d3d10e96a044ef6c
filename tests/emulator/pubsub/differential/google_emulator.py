"""Google's own Pub/Sub emulator in a process of its own, where the Google Cloud SDK has it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio

from tests.bound_process import bound

EXECUTABLE = Path("/usr/lib/google-cloud-sdk/platform/pubsub-emulator/bin/cloud-pubsub-emulator")
START_TIMEOUT = 45  # seconds; 8 are usual


def why_missing() -> str | None:
    """What is not installed, or None where all is."""
    if not EXECUTABLE.exists():
        return f"Google's Pub/Sub emulator is not installed: {EXECUTABLE} does not exist"
    return None if shutil.which("java") else "Google's Pub/Sub emulator needs java"


@asynccontextmanager
async def google_emulator() -> AsyncIterator[str]:
    """Its address. The script starts java, so that their whole process group is ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *bound([str(EXECUTABLE), "--host=127.0.0.1", f"--port={port}"]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        address = f"127.0.0.1:{port}"
        async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(START_TIMEOUT):
            await channel.channel_ready()
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
