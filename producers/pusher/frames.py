"""What client and pusher say to each other, as JSON frames; audio is raw, in binary frames. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from contracts import Coordinates, TranscriptSegment


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Segments(_Frame):
    """Client: what was just said."""

    type: Literal["segments"] = "segments"
    segments: tuple[TranscriptSegment, ...] = Field(min_length=1)


class End(_Frame):
    """Client: the conversation so far has ended. What follows belongs to the next one."""

    type: Literal["end"] = "end"
    conversation_id: str = Field(min_length=1, max_length=128)
    at: Coordinates | None = None
    """Where it was."""


class Ping(_Frame):
    """Client: I am here. Answered by `Pong`."""

    type: Literal["ping"] = "ping"


class Connected(_Frame):
    """The first frame: the stream's id, minted now."""

    type: Literal["connected"] = "connected"
    stream_id: str


class Pong(_Frame):
    type: Literal["pong"] = "pong"


class Flushed(_Frame):
    """The first `through` segments of the stream are durable. Later ones must be sent again if it breaks."""

    type: Literal["flushed"] = "flushed"
    sequence: int
    through: int


class ConversationStored(_Frame):
    type: Literal["conversation"] = "conversation"
    conversation_id: str


class Dropped(_Frame):
    """Something was lost, or left out."""

    type: Literal["dropped"] = "dropped"
    what: Literal["segments", "audio", "conversation"]
    count: int
    """Segments; bytes of audio; conversations, or for too long a one its segments."""
    reason: str


class Error(_Frame):
    """A frame was not taken; the socket stays."""

    type: Literal["error"] = "error"
    field: str
    problem: str
    remedy: str


Incoming = Annotated[Segments | End | Ping, Field(discriminator="type")]
Outgoing = Connected | Pong | Flushed | ConversationStored | Dropped | Error

_incoming: TypeAdapter[Incoming] = TypeAdapter(Incoming)


def parse(text: str) -> Segments | End | Ping | Error:
    """The frame, or what is to be said of it."""
    try:
        return _incoming.validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        return Error(
            field=".".join(map(str, fault["loc"])) or "frame",
            problem=fault["msg"],
            remedy="mend this field and send the frame again; none of it was taken",
        )
