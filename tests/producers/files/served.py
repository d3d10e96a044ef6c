"""The reference backend behind a real socket, served by uvicorn on the test's own event loop."""

from __future__ import annotations

import asyncio
import io
import math
import socket
import threading
import wave
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from lanes import Executor
from producers.app import create_app
from producers.backend_settings import BackendSettings
from stores import SqliteFile
from tests.producers.conftest import QUEUES_FILE


@dataclass(frozen=True, slots=True)
class Served:
    app: FastAPI
    port: int
    client: httpx.AsyncClient
    uploads: Path

    async def left(self) -> list[str]:
        """What is in the folder of uploads, once everything asked of the storage executor was done."""
        storage = self.app.state.lanes.storage
        await until(lambda: not storage.statistics().running and not storage.statistics().waiting)
        return await asyncio.to_thread(files_in, self.uploads)


async def until(condition: Callable[[], bool]) -> None:
    """Let everything else run until it is so, which another thread may bring about."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


async def occupy(executor: Executor, gate: threading.Event) -> None:
    """Have every thread of it wait."""
    threads = executor.statistics().threads
    for _ in range(threads):
        executor.submit(gate.wait)
    await until(lambda: executor.statistics().running == threads)


def files_in(folder: Path) -> list[str]:
    return sorted(found.name for found in folder.rglob("*") if found.is_file())


def away(folder: Path, **changes: object) -> BackendSettings:
    """Of a backend whose services are away, with its files in this folder."""
    return BackendSettings.model_validate(
        {
            "queues_file": QUEUES_FILE,
            "cloud_tasks_emulator_host": "127.0.0.1:1",
            "pubsub_emulator_host": "127.0.0.1:1",
            "enqueue_deadline": 0.2,
            "blobs": str(folder / "blobs"),
            "database": SqliteFile(folder / "stores.sqlite3"),
            "uploads": folder / "uploads",
            "trusts_callers": True,
            **changes,
        }
    )


@asynccontextmanager
async def served(settings: BackendSettings) -> AsyncIterator[Served]:
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    )
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    port: int = listening.getsockname()[1]
    try:
        await until(lambda: server.started or serving.done())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield Served(app, port, client, settings.uploads)
    finally:
        server.should_exit = True
        await serving


def wav(*spans: tuple[float, bool], rate: int = 8_000) -> bytes:
    """A recording of spans of seconds, each loud or silent."""
    samples = array("h")
    for seconds, is_loud in spans:
        height = 8_000 if is_loud else 0
        samples.extend(int(height * math.sin(index / 3)) for index in range(int(seconds * rate)))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    return file.getvalue()
