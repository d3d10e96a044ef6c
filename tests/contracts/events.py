"""Events for the tests of contracts, producers and handlers."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts import Conversation, ConversationCreated, Structured, TranscriptFlushed, TranscriptSegment

CREATED_AT = datetime(2026, 5, 1, 9, tzinfo=UTC)


def created(conversation_id: str = "c-1", *, uid: str = "ada", revision: int = 0) -> ConversationCreated:
    conversation = Conversation(
        id=conversation_id, created_at=CREATED_AT, structured=Structured(title="Breakfast")
    )
    return ConversationCreated(uid=uid, conversation=conversation, revision=revision)


def flushed(sequence: int = 1, *, uid: str = "ada") -> TranscriptFlushed:
    segment = TranscriptSegment(text="good morning", start=0, end=1.5)
    return TranscriptFlushed(uid=uid, stream_id="stream-7", sequence=sequence, segments=(segment,))
