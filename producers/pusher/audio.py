"""Sends a stream's audio on, by a route for each endpoint: the latest alone, or durably. It mixes nothing.

Sequences count a stream's items; on a latest-wins route some of them never leave.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from contracts import AudioBytes, Task
from lanes import LaneClosed, LaneError, LatestWins, StreamsFull
from producers.enqueue import enqueue
from producers.pusher.buffers import AudioBuffer
from producers.pusher.keeping import CannotKeep, Keeping

_log = logging.getLogger(__name__)

SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestAudio:
    """For who wants the audio of now: what waits for this target is dropped for what is newer."""

    target: str
    send: Callable[[str, AudioBytes], Awaitable[object]]
    """Posts the audio of a uid: signed, on a guarded lane, within its deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableAudio:
    """For who wants all of it."""

    task: Callable[[str, AudioBytes], Task]


AudioRoute = LatestAudio | DurableAudio


class Audio:
    """Cuts the audio into items of a time and hands each to every route."""

    def __init__(
        self,
        uid: str,
        stream_id: str,
        routes: Sequence[AudioRoute],
        buffer: AudioBuffer,
        keeping: Keeping,
        latest: LatestWins,
        *,
        sample_rate: int,
        seconds: float,
        sent: Callable[[], None],
        lost: Callable[[int, str], None],
    ) -> None:
        """`sent` is told of each item; `lost` of bytes that did not get to a route, and why."""
        self._uid = uid
        self._stream_id = stream_id
        self._routes = routes
        self._buffer = buffer
        self._keeping = keeping
        self._latest = latest
        self._sample_rate = sample_rate
        self._item_bytes = max(1, int(sample_rate * seconds)) * SAMPLE_BYTES
        self._sent = sent
        self._lost = lost
        self._sequence = 0
        self.in_hand = 0
        """Bytes of the item that is being handed over."""

    async def run(self) -> None:
        """Until the buffer is closed and empty."""
        while audio := await self._buffer.take(self._item_bytes):
            self.in_hand = len(audio)
            event = AudioBytes(
                stream_id=self._stream_id,
                sequence=self._sequence,
                sample_rate=self._sample_rate,
                audio=audio,
            )
            self._sequence += 1
            for route in self._routes:
                match route:
                    case LatestAudio():
                        self._submit(route, event)
                    case DurableAudio():
                        await self._keep(route, event)
            self.in_hand = 0
            self._sent()

    def _submit(self, route: LatestAudio, event: AudioBytes) -> None:
        try:
            sending = self._latest.submit(route.target, self._stream_id, lambda: route.send(self._uid, event))
        except (StreamsFull, LaneClosed) as error:
            self._lost(len(event.audio), str(error))
            return
        sending.add_done_callback(_tell_bug)

    async def _keep(self, route: DurableAudio, event: AudioBytes) -> None:
        task = route.task(self._uid, event)
        try:
            await self._keeping.keep(lambda: enqueue(task))
        except CannotKeep as error:
            self._lost(len(event.audio), str(error))


def _tell_bug(sending: asyncio.Task[object]) -> None:
    """Ends that a lane declares are counted by it; what else goes wrong is ours."""
    if sending.cancelled():
        return
    error = sending.exception()
    if error is not None and not isinstance(error, LaneError):
        _log.error("sending audio failed", exc_info=error)
