"""One stream: reads its frames, and supervises what flushes them. It enqueues nothing itself.

The reader, the two flushers, the outbox and ended conversations are tasks of one group. When the reader ends,
the flushers have `teardown_seconds` for what waits; what is then left is counted, logged and,
where the socket still is, told.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from contracts import TranscriptSegment
from producers.pusher.audio import SAMPLE_BYTES, Audio, AudioRoute
from producers.pusher.buffers import AudioBuffer, SegmentBuffer
from producers.pusher.closing import Close, Ended
from producers.pusher.frames import (
    Connected,
    ConversationStored,
    Dropped,
    End,
    Error,
    Flushed,
    Ping,
    Pong,
    Segments,
    parse,
)
from producers.pusher.keeping import CannotKeep, Keeping, Sleep
from producers.pusher.outbox import Outbox
from producers.pusher.pusher import Pusher
from producers.pusher.transcripts import Transcripts

_log = logging.getLogger(__name__)

_What = Literal["segments", "audio", "conversation"]


class Socket(Protocol):
    """A WebSocket that was accepted."""

    async def receive(self) -> str | bytes | None:
        """The next frame; None once the client is gone."""

    async def send(self, text: str) -> None:
        """Raises OSError where the client is gone."""


class Stream:
    def __init__(
        self,
        pusher: Pusher,
        socket: Socket,
        *,
        uid: str,
        stream_id: str,
        sample_rate: int,
        routes: Sequence[AudioRoute],
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = pusher.limits
        self._pusher, self._limits, self._socket = pusher, limits, socket
        self._uid, self._stream_id = uid, stream_id
        self._sleep, self._clock = sleep, clock
        self._keeping = Keeping(give_up_after=limits.give_up_seconds, sleep=sleep, clock=clock)
        self._has_audio = bool(routes)
        self.segments = SegmentBuffer(limits.segments)
        self.audio = AudioBuffer(limits.audio_bytes)
        self._outbox = Outbox(limits.outbox, socket.send)
        self._transcripts = Transcripts(uid, stream_id, self.segments, self._keeping, limits, self._flushed)
        self._audio = Audio(
            uid,
            stream_id,
            routes,
            self.audio,
            self._keeping,
            pusher.latest,
            sample_rate=sample_rate,
            seconds=limits.audio_seconds,
            sent=self._audio_sent,
            lost=lambda count, reason: self._drop("audio", count, reason),
        )
        self._kept: deque[TranscriptSegment] = deque()
        self._left_out = 0
        self._through = 0
        self._bad = 0
        self._ending = asyncio.Semaphore(1)
        self._parts: list[asyncio.Task[None]] = []

    async def run(self) -> Close:
        """Until the client is gone or the stream has to end; returns why, when all of it has ended."""
        self._pusher.streams.add(self)
        writer = asyncio.create_task(self._outbox.run())
        close = Close.DONE
        try:
            self._outbox.tell(Connected(stream_id=self._stream_id))
            try:
                async with asyncio.TaskGroup() as group:
                    close = await self._supervise(group)
            except* Ended as ended:
                close = _first(ended)
            except* Exception:
                _log.exception("a stream ends by a fault of ours")
                close = Close.BUG
            return close
        finally:
            self._pusher.streams.discard(self)
            self._count_lost()
            self._outbox.close()
            await self._end_writer(writer)
            self._pusher.closes[close.code] += 1

    async def _supervise(self, group: asyncio.TaskGroup) -> Close:
        self._parts = [
            group.create_task(self._flush_transcripts()),
            group.create_task(self._send_audio()),
        ]
        try:
            await self._read(group)
            close = Close.DONE
        except Ended as ended:
            close = ended.close
        began = self._clock()
        await self.segments.close()
        self.audio.close()
        _, late = await asyncio.wait(self._parts, timeout=self._limits.teardown_seconds)
        for part in late:
            part.cancel()
        if late:
            await asyncio.wait(late)
        seconds = self._pusher.telemetry.pusher_teardown_seconds.labels(str(close.code))
        seconds.observe(self._clock() - began)
        return close

    async def _read(self, group: asyncio.TaskGroup) -> None:
        burst = self._limits.frames_per_second
        left, at = burst, self._clock()
        while True:
            frame = await self._receive()
            if frame is None:
                return
            now = self._clock()
            left, at = min(burst, left + (now - at) * burst) - 1, now
            if left < 0:  # whoever sends faster waits
                await self._sleep(-left / burst)
            if isinstance(frame, bytes):
                self._take_audio(frame)
            else:
                await self._take_text(frame, group)
            self._outbox.check()

    async def _receive(self) -> str | bytes | None:
        try:
            async with asyncio.timeout(self._limits.idle_seconds):
                return await self._socket.receive()
        except TimeoutError:
            raise Ended(Close.IDLE) from None

    def _take_audio(self, audio: bytes) -> None:
        if len(audio) > self._limits.audio_frame:
            raise Ended(Close.TOO_LARGE)
        if not audio or len(audio) % SAMPLE_BYTES:
            self._refuse(
                Error(
                    field="audio",
                    problem=f"{len(audio)} bytes are no whole samples of 16 bits",
                    remedy="send whole samples in each frame; this frame was not taken",
                )
            )
        elif not self._has_audio:
            return  # nobody asked for it
        elif dropped := self.audio.put(audio):
            self._drop("audio", dropped, "audio came faster than it could be sent on: the oldest went")

    async def _take_text(self, text: str, group: asyncio.TaskGroup) -> None:
        if len(text.encode()) > self._limits.text_frame:
            raise Ended(Close.TOO_LARGE)
        match parse(text):
            case Ping():
                self._outbox.tell(Pong())
            case Segments(segments=segments):
                for segment in segments:
                    await self.segments.put(segment)
            case End() as end:
                await self._end(end, group)
            case Error() as error:
                self._refuse(error)

    async def _end(self, end: End, group: asyncio.TaskGroup) -> None:
        """Everything before it is flushed first; one conversation is processed at a time."""
        if self._pusher.conversations is None:
            self._refuse(Error(field="type", problem="conversations do not end here", remedy="leave it out"))
            return
        await self.segments.drained()
        await self._ending.acquire()
        if self._left_out:
            self._drop("conversation", self._left_out, "too long a conversation: its oldest segments went")
        segments, self._kept, self._left_out = tuple(self._kept), deque(), 0
        part = group.create_task(self._process(end, segments))
        self._parts = [task for task in self._parts if not task.done()] + [part]

    async def _process(self, end: End, segments: Sequence[TranscriptSegment]) -> None:
        conversations = self._pusher.conversations
        assert conversations is not None  # noqa: S101 (`_end` looked)
        stored = False
        try:
            await conversations.end(
                self._uid, self._stream_id, end.conversation_id, end.at, segments, self._keeping
            )
            stored = True
            self._outbox.tell(ConversationStored(conversation_id=end.conversation_id))
        except CannotKeep as error:
            _log.warning("a conversation's end was not enqueued: %s", error)
            raise Ended(Close.CANNOT_KEEP) from error
        except Exception:  # whatever processing raises ends that conversation, and not the socket
            _log.exception("a conversation was not processed")
        finally:
            self._ending.release()
            if not stored:
                self._drop("conversation", 1, f"{end.conversation_id} was not processed: end it again")

    async def _flush_transcripts(self) -> None:
        try:
            await self._transcripts.run()
        except CannotKeep as error:
            _log.warning("transcripts could not be enqueued, their stream ends: %s", error)
            raise Ended(Close.CANNOT_KEEP) from error
        except Exception:
            _log.exception("transcripts could not be flushed, their stream ends")
            raise Ended(Close.BUG) from None

    async def _send_audio(self) -> None:
        try:
            await self._audio.run()
        except Exception:  # transcripts go on without audio
            _log.exception("audio ends, its stream goes on")
            self._has_audio = False
            self._drop("audio", self._audio_left(), "a fault of ours: this stream takes no more audio")
            self.audio = AudioBuffer(self._limits.audio_bytes)

    def _flushed(self, sequence: int, segments: Sequence[TranscriptSegment]) -> None:
        self._pusher.flushes += 1
        self._through += len(segments)
        if self._pusher.conversations is not None:
            self._kept.extend(segments)
            while len(self._kept) > self._limits.conversation_segments:
                self._kept.popleft()
                self._left_out += 1
        self._outbox.tell(Flushed(sequence=sequence, through=self._through))

    def _audio_sent(self) -> None:
        self._pusher.audio_items += 1

    def _audio_left(self) -> int:
        return len(self.audio) + self._audio.in_hand

    def _refuse(self, error: Error) -> None:
        self._bad += 1
        self._outbox.tell(error)
        if self._bad >= self._limits.bad_frames:
            raise Ended(Close.INVALID)

    def _drop(self, what: _What, count: int, reason: str) -> None:
        self._pusher.dropped[what] += count
        self._outbox.tell(Dropped(what=what, count=count, reason=reason[:500]))

    def _count_lost(self) -> None:
        if lost := len(self.segments):
            _log.warning("%d segments of a stream are not known to be enqueued", lost)
            self._drop("segments", lost, "not known to be enqueued when the stream ended: send them again")
        if self._has_audio and (lost := self._audio_left()):
            self._drop("audio", lost, "not sent on when the stream ended")

    async def _end_writer(self, writer: asyncio.Task[None]) -> None:
        await asyncio.wait((writer,), timeout=0.1)
        writer.cancel()
        (ended,) = await asyncio.gather(writer, return_exceptions=True)
        if isinstance(ended, Exception) and not isinstance(ended, OSError):
            _log.error("a client could not be told", exc_info=ended)


def _first(group: BaseExceptionGroup[Ended]) -> Close:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error.close if isinstance(error, Ended) else Close.BUG
