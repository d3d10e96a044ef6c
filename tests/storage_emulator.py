"""A published emulator of Cloud Storage in its own process and environment, where it is installed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

EXECUTABLE = Path(__file__).parents[1] / ".venv-storage-emulator/bin/gcp-storage-emulator"
"""Made by `make storage-emulator`."""
IS_INSTALLED = EXECUTABLE.exists()


@asynccontextmanager
async def storage_emulator(bucket: str) -> AsyncIterator[str]:
    """Its base URL, with an empty bucket, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        str(EXECUTABLE),
        *("start", "--host", "127.0.0.1", "--port", str(port), "--in-memory", "--default-bucket", bucket),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while process.returncode is None:
                try:
                    await client.get(url)
                except httpx.TransportError:
                    continue
                break
        yield url
    finally:
        process.kill()
        await process.wait()
