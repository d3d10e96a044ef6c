"""All streams of this process: what they share, how many there are, and their figures. It reads no frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lanes import LatestWins, Sample, Telemetry
from producers.pusher.audio import AudioRoute
from producers.pusher.conversation import Conversations
from producers.pusher.limits import PusherLimits

if TYPE_CHECKING:
    from producers.pusher.stream import Stream

AudioRoutes = Callable[[str], Awaitable[Sequence[AudioRoute]]]
"""Where the audio of a uid goes, asked once a stream."""


async def no_audio(_: str) -> Sequence[AudioRoute]:
    """Audio goes nowhere."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PusherStatistics:
    connections: int
    segments: int
    """That wait in all streams."""
    audio_bytes: int
    flushes: int
    """Of transcripts, since the start, as are the following."""
    audio_items: int
    dropped_segments: int
    """Accepted and not known to be durable when their stream ended."""
    dropped_audio_bytes: int
    dropped_conversations: int
    closes: dict[int, int]
    """By close code."""


@dataclass(slots=True, kw_only=True)
class Pusher:
    latest: LatestWins
    telemetry: Telemetry
    limits: PusherLimits = field(default_factory=PusherLimits)
    audio_routes: AudioRoutes = no_audio
    conversations: Conversations | None = None
    """None: `end` frames are refused."""
    streams: set[Stream] = field(default_factory=set)
    flushes: int = 0
    audio_items: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    closes: Counter[int] = field(default_factory=Counter)

    def statistics(self) -> PusherStatistics:
        return PusherStatistics(
            connections=len(self.streams),
            segments=sum(len(stream.segments) for stream in self.streams),
            audio_bytes=sum(len(stream.audio) for stream in self.streams),
            flushes=self.flushes,
            audio_items=self.audio_items,
            dropped_segments=self.dropped["segments"],
            dropped_audio_bytes=self.dropped["audio"],
            dropped_conversations=self.dropped["conversation"],
            closes=dict(self.closes),
        )

    def watch(self) -> None:
        """Have the figures read into the metrics."""
        self.telemetry.read(self._samples)

    def _samples(self) -> Iterator[Sample]:
        now = self.statistics()
        yield Sample("sidelane_pusher_connections", (), now.connections)
        yield Sample("sidelane_pusher_buffered", ("segments",), now.segments)
        yield Sample("sidelane_pusher_buffered", ("audio",), now.audio_bytes)
        yield Sample("sidelane_pusher_flushes", ("segments",), now.flushes)
        yield Sample("sidelane_pusher_flushes", ("audio",), now.audio_items)
        yield Sample("sidelane_pusher_drops", ("segments",), now.dropped_segments)
        yield Sample("sidelane_pusher_drops", ("audio",), now.dropped_audio_bytes)
        yield Sample("sidelane_pusher_drops", ("conversation",), now.dropped_conversations)
        for code, count in now.closes.items():
            yield Sample("sidelane_pusher_closes", (str(code),), count)
