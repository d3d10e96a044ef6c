"""Tasks for the producers' tests."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts import (
    AudioBytes,
    Conversation,
    DeveloperWebhook,
    MemoryCreated,
    RealtimeTranscript,
    Structured,
    TranscriptSegment,
)


def transcript(sequence: int = 1, *, uid: str = "ada", text: str = "good morning") -> DeveloperWebhook:
    segment = TranscriptSegment(text=text, start=0, end=1.5)
    event = RealtimeTranscript(stream_id="stream-7", sequence=sequence, segments=(segment,))
    return DeveloperWebhook(uid=uid, event=event)


def audio(size: int, *, sequence: int = 1) -> DeveloperWebhook:
    """`size` bytes of sound; base64 makes them a third more on the way."""
    event = AudioBytes(stream_id="stream-7", sequence=sequence, sample_rate=16_000, audio=bytes(size))
    return DeveloperWebhook(uid="ada", event=event)


def memory(revision: int = 0) -> DeveloperWebhook:
    conversation = Conversation(
        id="c-1", created_at=datetime(2026, 5, 1, 9, tzinfo=UTC), structured=Structured(title="Breakfast")
    )
    event = MemoryCreated(conversation=conversation, revision=revision)
    return DeveloperWebhook(uid="ada", event=event)
