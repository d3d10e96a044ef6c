"""The webhook side effects: what a developer's server is told, and the names of those events. Pure.

Shapes are those of the backend that these webhooks come from; field names on the wire are theirs.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from contracts.identity import identity_of
from contracts.task import Task


class _Shape(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_bytes="base64",
        val_json_bytes="base64",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class TranscriptSegment(_Shape):
    text: str
    speaker: str | None = None
    speaker_id: int | None = Field(default=None, alias="speakerId")
    speaker_name: str | None = None
    is_user: bool = False
    start: float = Field(ge=0)
    """Seconds since the stream began."""
    end: float = Field(ge=0)


class ActionItem(_Shape):
    description: str
    completed: bool = False


class Structured(_Shape):
    """What the backend understood of a conversation."""

    title: str
    overview: str = ""
    emoji: str = ""
    category: str = "other"
    action_items: tuple[ActionItem, ...] = ()
    events: tuple[dict[str, JsonValue], ...] = ()


class Conversation(_Shape):
    id: str = Field(min_length=1, max_length=128)
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    transcript_segments: tuple[TranscriptSegment, ...] = ()
    structured: Structured
    apps_response: tuple[dict[str, JsonValue], ...] = ()
    discarded: bool = False
    folder_id: str | None = None
    folder_name: str | None = None


class StreamItem(_Shape):
    """One item of a stream, named by the stream's id, minted at connect, and its place in it."""

    stream_id: str = Field(min_length=1, max_length=128)
    sequence: int = Field(ge=0)


class MemoryCreated(_Shape):
    """A conversation was processed and stored."""

    kind: Literal["memory_created"] = "memory_created"
    conversation: Conversation
    revision: int = Field(default=0, ge=0)
    """Raised when the conversation was rebuilt: a rebuild is a new event, not a repetition."""


class RealtimeTranscript(StreamItem):
    """Segments that a running stream just produced."""

    kind: Literal["realtime_transcript"] = "realtime_transcript"
    segments: tuple[TranscriptSegment, ...] = Field(min_length=1)


class AudioBytes(StreamItem):
    """A stretch of a running stream: raw PCM16, little-endian, mono."""

    kind: Literal["audio_bytes"] = "audio_bytes"
    sample_rate: int = Field(ge=1000, le=192_000)
    """Hertz."""
    audio: bytes = Field(min_length=1)


class DaySummary(_Shape):
    """One user's day in words; at most one for each (user, date)."""

    kind: Literal["day_summary"] = "day_summary"
    date: date
    summary: str
    summary_json: dict[str, JsonValue]
    created_at: AwareDatetime


WebhookKind = Literal["memory_created", "realtime_transcript", "audio_bytes", "day_summary"]
WebhookEvent = Annotated[
    MemoryCreated | RealtimeTranscript | AudioBytes | DaySummary, Field(discriminator="kind")
]


def developer_endpoint(uid: str, kind: WebhookKind) -> str:
    """The target of everything that a user's server is told of one kind."""
    return identity_of("developer", uid, kind)


def name_of(uid: str, event: WebhookEvent) -> tuple[str | int, ...]:
    """What makes this event of this user another than all others, as parts of an identity."""
    match event:
        case MemoryCreated(conversation=conversation, revision=revision):
            return event.kind, uid, conversation.id, revision
        case (
            RealtimeTranscript(stream_id=stream, sequence=sequence)
            | AudioBytes(stream_id=stream, sequence=sequence)
        ):
            return event.kind, uid, stream, sequence
        case DaySummary(date=day):
            return event.kind, uid, day.isoformat()


class DeveloperWebhook(Task):
    """Tell the server that a user registered for this kind of event. One URL per user and kind."""

    name: ClassVar[str] = "developer-webhook"
    queue: ClassVar[str] = "developer-webhooks"
    alternate_queues: ClassVar[tuple[str, ...]] = ("developer-webhooks-realtime",)

    uid: str = Field(min_length=1, max_length=128)
    event: WebhookEvent

    def identity(self) -> str:
        return identity_of(*name_of(self.uid, self.event))

    def target(self) -> str:
        return developer_endpoint(self.uid, self.event.kind)

    def owner(self) -> str:
        return self.uid

    def route(self) -> str:
        realtime = isinstance(self.event, StreamItem)
        return self.alternate_queues[0] if realtime else self.queue
