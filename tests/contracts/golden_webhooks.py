"""Envelopes of developer webhooks as released code wrote them: what each file in `golden/` holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from contracts import (
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
    TranscriptSegment,
)

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

WEBHOOKS: dict[str, tuple[Envelope, Task]] = {
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
