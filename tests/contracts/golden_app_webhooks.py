"""Envelopes of app webhooks as released code wrote them: what each file in `golden/` holds."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts import AppWebhook, AudioBytes, Envelope, MemoryCreated, RealtimeTranscript, Task
from contracts.app_webhooks import AppEvent
from tests.contracts.test_golden_events import EXPECTED, SEGMENT

ACCEPTED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONVERSATION = EXPECTED["conversation-created.v1"]


def _entry(identity: str, event: AppEvent) -> tuple[Envelope, Task]:
    outer = Envelope(type="app-webhook", version=1, identity=identity, accepted_at=ACCEPTED_AT, payload=b"")
    return outer, AppWebhook(app_id="weather", uid="ann", event=event)


APP_WEBHOOKS: dict[str, tuple[Envelope, Task]] = {
    "app-webhook.v1.memory-created.ndjson": _entry(
        "weather/memory_created/ann/c%2F1/2",
        MemoryCreated.model_validate(CONVERSATION.model_dump(exclude={"uid"})),
    ),
    "app-webhook.v1.realtime-transcript.ndjson": _entry(
        "weather/realtime_transcript/ann/stream-1/7",
        RealtimeTranscript(stream_id="stream-1", sequence=7, segments=(SEGMENT,)),
    ),
    "app-webhook.v1.audio-bytes.ndjson": _entry(
        "weather/audio_bytes/ann/stream-1/8",
        AudioBytes(stream_id="stream-1", sequence=8, sample_rate=16_000, audio=b"\x00\xff\x10\x80"),
    ),
}
