"""A stream without a network: a socket in memory, and what both sides of it said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts import DeveloperWebhook, RealtimeTranscript, Task
from lanes import LatestWins, Telemetry
from producers.pusher import AudioRoute, Close, Pusher, Stream


@dataclass
class MemorySocket:
    frames: asyncio.Queue[str | bytes | None] = field(default_factory=asyncio.Queue)
    told: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self) -> str | bytes | None:
        return await self.frames.get()

    async def send(self, text: str) -> None:
        self.told.append(json.loads(text))

    def say(self, **frame: Any) -> None:
        self.frames.put_nowait(json.dumps(frame))

    def speak(self, *texts: str) -> None:
        self.say(type="segments", segments=[{"text": text, "start": 0, "end": 1} for text in texts])

    def hang_up(self) -> None:
        self.frames.put_nowait(None)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.told if frame["type"] == kind]


@dataclass
class Running:
    socket: MemorySocket
    pusher: Pusher
    stream: Stream
    end: asyncio.Task[Close]


def new_pusher(**changes: Any) -> Pusher:
    return Pusher(latest=LatestWins(), telemetry=Telemetry(), **changes)


def start(pusher: Pusher, routes: Sequence[AudioRoute] = (), *, stream_id: str = "s") -> Running:
    """Connect a stream; its time is that of the loop."""
    socket = MemorySocket()
    stream = Stream(
        pusher,
        socket,
        uid="ada",
        stream_id=stream_id,
        sample_rate=1000,
        routes=routes,
        clock=asyncio.get_running_loop().time,
    )
    return Running(socket, pusher, stream, asyncio.create_task(stream.run()))


def flushes(tasks: Sequence[Task]) -> list[tuple[int, list[str]]]:
    """Sequence and texts of each transcript flush."""
    return [
        (task.event.sequence, [segment.text for segment in task.event.segments])
        for task in tasks
        if isinstance(task, DeveloperWebhook) and isinstance(task.event, RealtimeTranscript)
    ]
