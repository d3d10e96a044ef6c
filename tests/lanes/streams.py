"""Sends that go on until a test ends them, for latest-wins."""

from __future__ import annotations

import asyncio
from functools import partial

from lanes import LatestWins
from tests.lanes.virtual_time import settled


class Streams:
    """Submits numbered items; notes what began to be sent, for each (target, stream)."""

    def __init__(self, latest: LatestWins) -> None:
        self.latest = latest
        self.begun: dict[tuple[str, str], list[int]] = {}
        self.sending: dict[int, asyncio.Future[str]] = {}
        self.items: dict[int, asyncio.Task[str]] = {}

    def submit(self, *numbers: int, target: str = "a", stream: str = "s") -> None:
        for number in numbers:
            self.items[number] = self.latest.submit(
                target, stream, partial(self._send, (target, stream), number)
            )

    async def end(self, number: int, error: Exception | None = None) -> None:
        if error is None:
            self.sending[number].set_result(f"sent {number}")
        else:
            self.sending[number].set_exception(error)
        await settled()

    async def _send(self, key: tuple[str, str], number: int) -> str:
        self.begun.setdefault(key, []).append(number)
        self.sending[number] = asyncio.get_running_loop().create_future()
        try:
            return await self.sending[number]
        finally:
            del self.sending[number]
