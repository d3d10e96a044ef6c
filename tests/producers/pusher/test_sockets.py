"""The pusher as it is served: uvicorn and real WebSockets before the emulator, whose queues are paused."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from contracts import Envelope
from producers.app import create_app
from producers.backend_settings import BackendSettings
from producers.pusher import Close, Pusher, PusherLimits
from tests.emulator_fixture import RunningEmulator
from tests.producers.conftest import QUEUES_FILE

REALTIME = "developer-webhooks-realtime"


@dataclass(frozen=True, slots=True)
class Served:
    url: str
    app: FastAPI
    server: uvicorn.Server

    @property
    def pusher(self) -> Pusher:
        pusher: Pusher = self.app.state.pusher
        return pusher


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def served(settings: BackendSettings) -> AsyncIterator[Served]:
    app = create_app(settings)
    config = uvicorn.Config(app, log_config=None, ws="websockets-sansio", lifespan="on")
    server = _Server(config)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(10):
            await server.ready.wait()
        yield Served(f"ws://127.0.0.1:{listener.getsockname()[1]}", app, server)
    finally:
        server.should_exit = True
        await serving


def words(*texts: str) -> str:
    segments = [{"text": text, "start": 0, "end": 1} for text in texts]
    return json.dumps({"type": "segments", "segments": segments})


async def until(client: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of this kind."""
    while True:
        frame: dict[str, Any] = json.loads(await client.recv())
        if frame["type"] == kind:
            return frame


async def closed(client: ClientConnection) -> tuple[int, str]:
    with suppress(ConnectionClosedError):
        async for _ in client:
            pass
    return client.close_code or 0, client.close_reason or ""


async def flushed_texts(emulator: RunningEmulator) -> list[tuple[str, int, Sequence[str]]]:
    """Stream, sequence and texts of each task that waits."""
    found = []
    for name in await emulator.task_names(REALTIME):
        envelope = Envelope.decode((await emulator.task(name)).http_request.body)
        event = json.loads(envelope.payload)["event"]
        found.append((event["stream_id"], event["sequence"], [s["text"] for s in event["segments"]]))
    return sorted(found)


async def test_a_stream_becomes_tasks(settings: BackendSettings, emulator: RunningEmulator) -> None:
    async with served(settings) as server, connect(f"{server.url}/v1/users/ada/streams") as client:
        stream_id = (await until(client, "connected"))["stream_id"]
        await client.send(words("good", "morning"))
        assert await until(client, "flushed") == {"type": "flushed", "sequence": 0, "through": 2}
        await client.send(words("bye"))
    assert await flushed_texts(emulator) == [(stream_id, 0, ["good", "morning"]), (stream_id, 1, ["bye"])]


async def test_a_server_that_ends_flushes_what_it_accepted(
    settings: BackendSettings, emulator: RunningEmulator
) -> None:
    async with served(settings) as server:
        server.pusher.limits = PusherLimits(flush_seconds=50)
        client = await connect(f"{server.url}/v1/users/ada/streams")
        await client.send(words("last"))
        await client.send(json.dumps({"type": "ping"}))
        await until(client, "pong")
        assert server.pusher.statistics().segments == 1
        server.server.should_exit = True  # what uvicorn does on SIGTERM
        async with asyncio.timeout(2.5):
            code, _ = await closed(client)
    assert code == 1012
    assert [texts for _, _, texts in await flushed_texts(emulator)] == [["last"]]


async def test_who_is_not_signed_in_is_told_by_the_close(emulator: RunningEmulator, tmp_path: Path) -> None:
    settings = BackendSettings(
        queues_file=QUEUES_FILE,
        blobs=str(tmp_path / "blobs"),
        cloud_tasks_emulator_host=emulator.addresses.tasks,
        pubsub_emulator_host=emulator.addresses.pubsub,
    )
    async with served(settings) as server, connect(f"{server.url}/v1/users/ada/streams") as client:
        assert await closed(client) == (Close.NOT_SIGNED_IN.code, Close.NOT_SIGNED_IN.reason)


async def test_one_stream_too_many_is_told_to_come_back(settings: BackendSettings) -> None:
    async with served(settings) as server:
        server.pusher.limits = PusherLimits(connections=1)
        url = f"{server.url}/v1/users/ada/streams"
        async with connect(url) as first, connect(url) as second:
            await until(first, "connected")
            assert (await closed(second))[0] == Close.TOO_MANY.code


async def test_while_cloud_tasks_is_away_a_stream_closes_within_bounds(tmp_path: Path) -> None:
    settings = BackendSettings(
        queues_file=QUEUES_FILE,
        cloud_tasks_emulator_host="127.0.0.1:1",
        pubsub_emulator_host="127.0.0.1:1",
        enqueue_deadline=0.2,
        blobs=str(tmp_path / "blobs"),
        trusts_callers=True,
    )
    async with served(settings) as server:
        server.pusher.limits = PusherLimits(flush_segments=1, give_up_seconds=0.5)
        async with connect(f"{server.url}/v1/users/ada/streams") as client:
            await client.send(words("a"))
            assert (await until(client, "dropped"))["count"] == 1
            assert (await closed(client))[0] == Close.CANNOT_KEEP.code


async def flush_at_once(
    settings: BackendSettings, emulator: RunningEmulator, *, sockets: int, rounds: int, timeout: float
) -> None:
    """Each socket sends a segment so many times and waits until all are durable; then each must be a task."""
    async with served(settings) as server:
        server.pusher.limits = PusherLimits(flush_segments=1)

        async def talk(number: int) -> str:
            async with connect(f"{server.url}/v1/users/u{number}/streams") as client:
                stream_id: str = (await until(client, "connected"))["stream_id"]
                for turn in range(rounds):
                    await client.send(words(f"{number}.{turn}"))
                while (await until(client, "flushed"))["through"] < rounds:
                    pass
                return stream_id

        async with asyncio.timeout(timeout):
            streams = await asyncio.gather(*(talk(number) for number in range(sockets)))
    assert await flushed_texts(emulator) == sorted(
        (stream, turn, [f"{number}.{turn}"])
        for number, stream in enumerate(streams)
        for turn in range(rounds)
    )


async def test_many_sockets_that_flush_at_once_lose_nothing(
    settings: BackendSettings, emulator: RunningEmulator
) -> None:
    """`make soak` has two hundred."""
    await flush_at_once(settings, emulator, sockets=40, rounds=3, timeout=20)
