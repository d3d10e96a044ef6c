"""Answers as language models and searches over HTTP do: their shapes, and how they fail, for a `receiver`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests.receiver import Received


def says(text: str) -> web.Response:
    """A chat completion."""
    return web.json_response(
        {
            "id": "c-1",
            "object": "chat.completion",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    )


def asked(got: Received) -> tuple[str, str]:
    """The instruction and the text of a question."""
    messages = {message["role"]: message["content"] for message in json.loads(got.body)["messages"]}
    return messages["system"], messages["user"]


def finds(*passages: tuple[str, str, float]) -> Callable[[Received], Awaitable[web.Response]]:
    """A search that always finds these: id, text, score."""

    async def respond(_: Received) -> web.Response:
        found = [{"id": id, "text": text, "score": score} for id, text, score in passages]
        return web.json_response({"passages": found})

    return respond


@dataclass
class Parking:
    """Keeps every request until it is opened, and counts."""

    answer: Callable[[Received], web.Response]
    parked: int = 0
    most: int = 0
    left: int = 0
    """Whose caller has left."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, got: Received) -> web.Response:
        await self._count(1)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        finally:
            self.parked -= 1
        return self.answer(got)

    async def _count(self, more: int) -> None:
        async with self.changed:
            self.parked += more
            self.most = max(self.most, self.parked)
            self.changed.notify_all()

    async def until(self, parked: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.parked >= parked)
