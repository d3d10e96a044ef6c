"""What bounds one stream, in numbers. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt


class PusherLimits(BaseModel):
    """Times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    connections: PositiveInt = 1000
    """Sockets of this process; one more is closed at once, to come back."""
    flush_segments: PositiveInt = 20
    """So many segments are flushed at once, however young."""
    flush_seconds: PositiveFloat = 1.0
    """After which fewer are flushed too."""
    segments: PositiveInt = 200
    """Segments that wait for their flush. When so many do, the socket is not read until there is room."""
    audio_seconds: PositiveFloat = 5.0
    """Audio that makes one item."""
    audio_bytes: PositiveInt = 2 * 1024 * 1024
    """Audio that waits. When there is more, the oldest is dropped: counted, and told to the client."""
    conversation_segments: PositiveInt = 5000
    """Segments kept for the conversation's end; of more, the oldest are left out: counted, and told."""
    text_frame: PositiveInt = 256 * 1024
    """Bytes of a JSON frame; a larger one closes the socket."""
    audio_frame: PositiveInt = 256 * 1024
    """Bytes of a frame of audio; a larger one closes the socket."""
    frames_per_second: PositiveFloat = 100.0
    """Frames are read no faster, after a burst of as many: who sends more waits, and loses nothing."""
    bad_frames: PositiveInt = 10
    """So many bad frames of a stream close it."""
    idle_seconds: PositiveFloat = 90.0
    """Without any frame, after which the socket is closed."""
    give_up_seconds: PositiveFloat = 20.0
    """For which one flush is tried again while the services are away; then the stream is closed."""
    teardown_seconds: PositiveFloat = 1.8
    """For what waits, once a stream ends."""
    outbox: PositiveInt = 256
    """Frames that wait for a client to read them; one that does not is closed."""
