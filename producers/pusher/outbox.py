"""What a client is told, in order, within bounds. It waits for no client that does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from producers.pusher.closing import Close, Ended
from producers.pusher.frames import Outgoing


class Outbox:
    def __init__(self, limit: int, send: Callable[[str], Awaitable[None]]) -> None:
        self._frames: asyncio.Queue[Outgoing | None] = asyncio.Queue()
        self._limit = limit
        self._send = send
        self.overflowed = False

    def tell(self, frame: Outgoing) -> None:
        if self._frames.qsize() < self._limit:
            self._frames.put_nowait(frame)
        else:
            self.overflowed = True

    def close(self) -> None:
        """No more is told after this: `run` sends what waits, and returns."""
        self._frames.put_nowait(None)

    def check(self) -> None:
        """Raises Ended if the client left too much unread."""
        if self.overflowed:
            raise Ended(Close.SLOW_READER)

    async def run(self) -> None:
        while (frame := await self._frames.get()) is not None:
            await self._send(frame.model_dump_json())
