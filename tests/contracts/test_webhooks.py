"""Developer webhooks: they carry what the wire needs, and name each event once."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts import (
    AudioBytes,
    Conversation,
    DaySummary,
    DeveloperWebhook,
    InvalidTask,
    MemoryCreated,
    RealtimeTranscript,
    Structured,
    TranscriptSegment,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEGMENT = TranscriptSegment(text="Good morning.", speaker="SPEAKER_00", speaker_id=0, start=0.5, end=2)
CONVERSATION_ON_THE_WIRE: dict[str, Any] = {
    "id": "conversation-1",
    "created_at": "2026-01-02T03:04:05Z",
    "started_at": "2026-01-02T03:00:00Z",
    "finished_at": "2026-01-02T03:04:00Z",
    "transcript_segments": [
        {
            "text": "Good morning.",
            "speaker": "SPEAKER_00",
            "speakerId": 0,
            "speaker_name": "Ann",
            "is_user": True,
            "start": 0.5,
            "end": 2.0,
        }
    ],
    "structured": {
        "title": "Breakfast",
        "overview": "Ann plans her day.",
        "emoji": "🍳",
        "category": "personal",
        "action_items": [{"description": "Buy eggs", "completed": False}],
        "events": [{"title": "Market", "start": "2026-01-03T09:00:00Z", "duration": 30, "created": False}],
    },
    "apps_response": [{"app_id": "notes", "content": "Saved."}],
    "discarded": False,
    "folder_id": "folder-1",
    "folder_name": "Home",
}


def conversation(identifier: str = "conversation-1") -> Conversation:
    return Conversation(id=identifier, created_at=NOW, structured=Structured(title="Breakfast"))


def memory(revision: int = 0, identifier: str = "conversation-1", uid: str = "ann") -> DeveloperWebhook:
    return DeveloperWebhook(
        uid=uid, event=MemoryCreated(conversation=conversation(identifier), revision=revision)
    )


def transcript(stream: str = "stream-1", sequence: int = 0, text: str = "Hello.") -> DeveloperWebhook:
    segments = (SEGMENT.model_copy(update={"text": text}),)
    event = RealtimeTranscript(stream_id=stream, sequence=sequence, segments=segments)
    return DeveloperWebhook(uid="ann", event=event)


def audio(stream: str = "stream-1", sequence: int = 0, pcm: bytes = b"\x00\x01") -> DeveloperWebhook:
    event = AudioBytes(stream_id=stream, sequence=sequence, sample_rate=16_000, audio=pcm)
    return DeveloperWebhook(uid="ann", event=event)


def summary(day: date = date(2026, 1, 1), text: str = "A calm day.", uid: str = "ann") -> DeveloperWebhook:
    event = DaySummary(date=day, summary=text, summary_json={"mood": ["calm", 1, None]}, created_at=NOW)
    return DeveloperWebhook(uid=uid, event=event)


def reread(task: DeveloperWebhook) -> DeveloperWebhook:
    return DeveloperWebhook.from_payload(task.to_payload(), DeveloperWebhook.version)


@pytest.mark.parametrize(
    "task", [memory(), transcript(), audio(), summary()], ids=lambda task: task.event.kind
)
def test_every_kind_survives_its_payload(task: DeveloperWebhook) -> None:
    assert reread(task) == task
    assert type(reread(task).event) is type(task.event)


def test_a_conversation_has_the_field_names_of_the_wire() -> None:
    read = Conversation.model_validate(CONVERSATION_ON_THE_WIRE)
    assert read.model_dump(mode="json") == CONVERSATION_ON_THE_WIRE
    task = DeveloperWebhook(uid="ann", event=MemoryCreated(conversation=read))
    assert json.loads(task.to_payload())["event"]["conversation"] == CONVERSATION_ON_THE_WIRE


def test_a_realtime_transcript_carries_segments_of_the_wire() -> None:
    sent = json.loads(transcript().to_payload())
    assert sent["event"]["segments"] == [
        {
            "text": "Hello.",
            "speaker": "SPEAKER_00",
            "speakerId": 0,
            "speaker_name": None,
            "is_user": False,
            "start": 0.5,
            "end": 2.0,
        }
    ]


def test_a_day_summary_carries_the_body_of_the_wire() -> None:
    sent = json.loads(summary().to_payload())
    body = {**sent["event"], "uid": sent["uid"]}
    assert {name: body[name] for name in ("summary", "summary_json", "uid", "created_at")} == {
        "summary": "A calm day.",
        "summary_json": {"mood": ["calm", 1, None]},
        "uid": "ann",
        "created_at": "2026-01-02T03:04:05Z",
    }


@given(st.binary(min_size=1, max_size=300))
def test_audio_survives_byte_for_byte(pcm: bytes) -> None:
    event = reread(audio(pcm=pcm)).event
    assert isinstance(event, AudioBytes)
    assert event.audio == pcm


def test_audio_travels_as_base64() -> None:
    assert json.loads(audio(pcm=b"\xfb\xff").to_payload())["event"]["audio"] == "-_8="


@pytest.mark.parametrize("rate", [1_000, 192_000])
def test_sample_rates_of_the_wire_are_taken(rate: int) -> None:
    assert AudioBytes(stream_id="s", sequence=0, sample_rate=rate, audio=b"\x00\x00").sample_rate == rate


@pytest.mark.parametrize("rate", [999, 192_001])
def test_other_sample_rates_are_refused(rate: int) -> None:
    with pytest.raises(ValidationError, match="sample_rate"):
        AudioBytes(stream_id="s", sequence=0, sample_rate=rate, audio=b"\x00\x00")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("created_at", "2026-01-02T03:04:05"),
        ("id", ""),
        ("structured", {}),
        ("transcript_segments", [{"text": "Hi.", "start": -1, "end": 0}]),
        ("mood", "happy"),
    ],
)
def test_a_bad_conversation_is_refused_by_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Conversation.model_validate({**CONVERSATION_ON_THE_WIRE, field: value})


def test_a_transcript_without_segments_and_audio_without_sound_are_refused() -> None:
    with pytest.raises(ValidationError, match="segments"):
        RealtimeTranscript(stream_id="s", sequence=0, segments=())
    with pytest.raises(ValidationError, match="audio"):
        AudioBytes(stream_id="s", sequence=0, sample_rate=16_000, audio=b"")


def test_every_event_has_an_identity_of_its_own() -> None:
    tasks = [
        memory(),
        memory(revision=1),
        memory(identifier="conversation-2"),
        memory(uid="bob"),
        transcript(),
        transcript(sequence=1),
        transcript(stream="stream-2"),
        audio(),
        audio(sequence=1),
        audio(stream="stream-2"),
        summary(),
        summary(day=date(2026, 1, 2)),
        summary(uid="bob"),
    ]
    assert len({task.identity() for task in tasks}) == len(tasks)


def test_an_event_told_twice_has_one_identity() -> None:
    renamed = conversation().model_copy(update={"folder_name": "Work"})
    told_again = DeveloperWebhook(uid="ann", event=MemoryCreated(conversation=renamed))
    assert told_again.identity() == memory().identity()
    assert transcript(text="Hello!").identity() == transcript(text="Hello.").identity()
    assert audio(pcm=b"\x02\x03").identity() == audio(pcm=b"\x00\x01").identity()


def test_a_rebuilt_conversation_is_a_new_event() -> None:
    assert memory(revision=1).identity() != memory(revision=0).identity()


def test_there_is_one_day_summary_for_each_user_and_date() -> None:
    assert summary(text="Rewritten.").identity() == summary(text="A calm day.").identity()


def test_identities_are_the_same_in_every_release() -> None:
    """They are keys of the ledger: another spelling would deliver again what was delivered."""
    assert memory(revision=2).identity() == "memory_created/ann/conversation-1/2"
    assert transcript(sequence=7).identity() == "realtime_transcript/ann/stream-1/7"
    assert audio(sequence=7).identity() == "audio_bytes/ann/stream-1/7"
    assert summary().identity() == "day_summary/ann/2026-01-01"


def test_an_identity_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(InvalidTask, match="at most 500"):
        memory(uid="é" * 128).identity()


def test_the_target_is_the_user_s_endpoint_for_one_kind() -> None:
    assert (
        transcript(stream="a").target()
        == transcript(stream="b").target()
        == "developer/ann/realtime_transcript"
    )
    targets = {task.target() for task in (memory(), transcript(), audio(), summary(), memory(uid="bob"))}
    assert len(targets) == 5


def test_items_of_a_stream_take_the_realtime_queue() -> None:
    assert transcript().route() == audio().route() == "developer-webhooks-realtime"
    assert memory().route() == summary().route() == "developer-webhooks"


@pytest.mark.parametrize(
    "task", [memory(), transcript(), audio(), summary()], ids=lambda task: task.event.kind
)
def test_every_route_is_a_declared_queue(task: DeveloperWebhook) -> None:
    assert task.route() in (task.queue, *task.alternate_queues)
