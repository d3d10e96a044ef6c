"""Envelopes as released code wrote them: every version of this code must still read them.

The files in `golden/` are never edited, whatever changes: they stand for tasks that are in a queue or
among the dead letters right now. A new version of a task type adds files and keeps the old ones.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from contracts import (
    TASK_TYPES,
    ActionItem,
    AudioBytes,
    Conversation,
    DaySummary,
    DeveloperWebhook,
    Envelope,
    MemoryCreated,
    RealtimeTranscript,
    Structured,
    Task,
    TaskRegistry,
    TranscriptSegment,
)

GOLDEN = Path(__file__).parent / "golden"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

EXPECTED: dict[str, tuple[Envelope, Task]] = {
    "developer-webhook.v1.memory-created.ndjson": (
        Envelope(
            type="developer-webhook",
            version=1,
            identity="memory_created/ann/conversation%2F1/2",
            accepted_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            trace=TRACE,
            payload=b"",
        ),
        DeveloperWebhook(
            uid="ann",
            event=MemoryCreated(
                conversation=Conversation(
                    id="conversation/1",
                    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                    started_at=datetime(2026, 1, 2, 4, 0, tzinfo=timezone(timedelta(hours=1))),
                    finished_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
                    transcript_segments=(
                        TranscriptSegment(
                            text="Guten Morgen, Zoë! ☕",
                            speaker="SPEAKER_00",
                            speaker_id=0,
                            speaker_name="Ann",
                            is_user=True,
                            start=0.25,
                            end=2.5,
                        ),
                        TranscriptSegment(text="Morning.\nSlept well?", start=2.5, end=4),
                    ),
                    structured=Structured(
                        title="Breakfast",
                        overview="Ann and Zoë plan the day.",
                        emoji="🍳",
                        category="personal",
                        action_items=(ActionItem(description="Buy eggs", completed=True),),
                        events=({"title": "Market", "duration": 30, "created": False, "where": None},),
                    ),
                    apps_response=({"app_id": "notes", "content": "Saved."},),
                    discarded=False,
                    folder_id="folder-1",
                    folder_name="Home",
                ),
                revision=2,
            ),
        ),
    ),
    "developer-webhook.v1.realtime-transcript.ndjson": (
        Envelope(
            type="developer-webhook",
            version=1,
            identity="realtime_transcript/ann/stream-1/7",
            attempt=3,
            park=1,
            accepted_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            payload=b"",
        ),
        DeveloperWebhook(
            uid="ann",
            event=RealtimeTranscript(
                stream_id="stream-1",
                sequence=7,
                segments=(
                    TranscriptSegment(text="Hello.", speaker="SPEAKER_01", speaker_id=1, start=12, end=12.75),
                ),
            ),
        ),
    ),
    "developer-webhook.v1.audio-bytes.ndjson": (
        Envelope(
            type="developer-webhook",
            version=1,
            identity="audio_bytes/ann/stream-1/8",
            accepted_at=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC),
            trace=TRACE,
            payload=b"",
        ),
        DeveloperWebhook(
            uid="ann",
            event=AudioBytes(stream_id="stream-1", sequence=8, sample_rate=16_000, audio=bytes(range(256))),
        ),
    ),
    "developer-webhook.v1.day-summary.ndjson": (
        Envelope(
            type="developer-webhook",
            version=1,
            identity="day_summary/ann/2026-01-02",
            generation=1,
            accepted_at=datetime(2026, 1, 3, tzinfo=UTC),
            payload=b"",
        ),
        DeveloperWebhook(
            uid="ann",
            event=DaySummary(
                date=date(2026, 1, 2),
                summary="A calm day with one visit to the market.",
                summary_json={"mood": "calm", "places": ["home", "market"], "steps": 4200, "rain": None},
                created_at=datetime(2026, 1, 2, 22, 30, tzinfo=UTC),
            ),
        ),
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_released_envelope_is_still_read(name: str) -> None:
    outer, task = EXPECTED[name]
    envelope = Envelope.decode((GOLDEN / name).read_bytes())
    assert envelope.model_copy(update={"payload": b""}) == outer
    assert envelope.open(TaskRegistry(TASK_TYPES)) == task


@pytest.mark.parametrize("name", EXPECTED)
def test_a_released_identity_is_still_the_identity(name: str) -> None:
    """Identities are keys of the ledger: another spelling would deliver again what was delivered."""
    outer, task = EXPECTED[name]
    assert task.identity() == outer.identity


def test_every_released_envelope_is_tested() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == EXPECTED.keys()


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_every_version_of_every_type_has_a_released_envelope(task_type: type[Task]) -> None:
    released = {(outer.type, outer.version) for outer, _ in EXPECTED.values()}
    assert {(task_type.name, version) for version in range(1, task_type.version + 1)} <= released
