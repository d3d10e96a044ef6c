"""What waits in a stream until it is flushed, within bounds. It sends nothing.

Full means for segments that who adds one waits, and for audio that the oldest goes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from contracts import TranscriptSegment


class SegmentBuffer:
    """Segments in their order, `limit` at most. One adds, one takes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[TranscriptSegment] = deque()
        self._changed = asyncio.Condition()
        self._taken = 0
        self._rushed = 0
        self.closed = False

    def __len__(self) -> int:
        """Those taken and not settled are among them."""
        return len(self._waiting)

    async def put(self, segment: TranscriptSegment) -> None:
        """Waits while the buffer is full."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._waiting) < self._limit)
            self._waiting.append(segment)
            self._changed.notify_all()

    async def wait_for(self, count: int) -> bool:
        """Return when so many wait, or none is to be waited for; whether any does."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: len(self._waiting) >= count or self._rushed > 0 or self.closed
            )
            return bool(self._waiting)

    def first(self, count: int) -> Sequence[TranscriptSegment]:
        """The oldest, which stay until they are settled."""
        return tuple(segment for segment, _ in zip(self._waiting, range(count), strict=False))

    async def settle(self, count: int) -> None:
        """The oldest `count` are durable."""
        async with self._changed:
            for _ in range(count):
                self._waiting.popleft()
            self._changed.notify_all()

    async def drained(self) -> None:
        """Have everything flushed without further wait; returns when it is."""
        async with self._changed:
            self._rushed += 1
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: not self._waiting)
            finally:
                self._rushed -= 1

    async def close(self) -> None:
        """No more is added: what waits is flushed without further wait."""
        async with self._changed:
            self.closed = True
            self._changed.notify_all()


class AudioBuffer:
    """Audio in its order, `limit` bytes at most: the oldest goes, by whole samples of 16 bits."""

    def __init__(self, limit: int) -> None:
        self._limit = limit - limit % 2
        self._audio = bytearray()
        self._changed = asyncio.Event()
        self.closed = False

    def __len__(self) -> int:
        return len(self._audio)

    def put(self, audio: bytes) -> int:
        """How many bytes were dropped for it."""
        self._audio += audio
        over = max(0, len(self._audio) - self._limit)
        del self._audio[:over]
        self._changed.set()
        return over

    async def take(self, count: int) -> bytes:
        """The oldest `count` bytes once they are there; fewer after `close`, in the end none."""
        while len(self._audio) < count and not self.closed:
            self._changed.clear()
            await self._changed.wait()
        taken = bytes(self._audio[:count])
        del self._audio[:count]
        return taken

    def close(self) -> None:
        self.closed = True
        self._changed.set()
