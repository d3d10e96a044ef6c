"""Flushes a stream's segments to the developer's webhook task and the apps' event. It drops none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from contracts import DeveloperWebhook, TranscriptFlushed, TranscriptSegment
from producers.enqueue import enqueue, publish_event
from producers.pusher.buffers import SegmentBuffer
from producers.pusher.keeping import Keeping
from producers.pusher.limits import PusherLimits


class Transcripts:
    """Flushes by count, by time, and at the end; `sequence` counts the flushes, without gaps."""

    def __init__(
        self,
        uid: str,
        stream_id: str,
        buffer: SegmentBuffer,
        keeping: Keeping,
        limits: PusherLimits,
        flushed: Callable[[int, Sequence[TranscriptSegment]], None],
    ) -> None:
        """`flushed`: told of each flush that is durable, by its sequence."""
        self._uid = uid
        self._stream_id = stream_id
        self._buffer = buffer
        self._keeping = keeping
        self._limits = limits
        self._flushed = flushed
        self._sequence = 0

    async def run(self) -> None:
        """Until the buffer is closed and empty. Raises CannotKeep; the rest stays in the buffer."""
        while await self._due():
            await self._flush()

    async def _due(self) -> bool:
        """Whether there is something to flush; False at the end."""
        if not await self._buffer.wait_for(1):
            if self._buffer.closed:
                return False
            await asyncio.sleep(0)  # who wanted it drained has not yet learned that it is
            return True
        full = asyncio.ensure_future(self._buffer.wait_for(self._limits.flush_segments))
        old = asyncio.ensure_future(self._keeping.sleep(self._limits.flush_seconds))
        try:
            await asyncio.wait((full, old), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in (full, old):
                waiter.cancel()
                with suppress(asyncio.CancelledError):
                    await waiter
        return True

    async def _flush(self) -> None:
        segments = self._buffer.first(self._limits.flush_segments)
        if not segments:
            return
        event = TranscriptFlushed(
            uid=self._uid, stream_id=self._stream_id, sequence=self._sequence, segments=tuple(segments)
        )

        async def attempt() -> None:
            await enqueue(DeveloperWebhook(uid=self._uid, event=event.as_webhook()))
            await publish_event(event)

        await self._keeping.keep(attempt)
        await self._buffer.settle(len(segments))
        self._sequence += 1
        self._flushed(event.sequence, segments)
