"""Events as released code published them: every version of this code must still read them.

Each file is one message, its attributes on the first line and its data on the second. They are never edited:
they stand for messages that are in a subscription, or among the dead letters, right now.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts import (
    EVENT_TYPES,
    ActionItem,
    Conversation,
    ConversationCreated,
    Event,
    Structured,
    TranscriptFlushed,
    TranscriptSegment,
)

GOLDEN = Path(__file__).parent / "golden_events"
SEGMENT = TranscriptSegment(
    text="Grüße ☂", speaker="SPEAKER_00", speaker_id=0, speaker_name="Zoë", is_user=True, start=0.5, end=2.25
)
EXPECTED: dict[str, Event] = {
    "conversation-created.v1": ConversationCreated(
        uid="ann",
        conversation=Conversation(
            id="c/1",
            created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            started_at=datetime(2026, 1, 2, 3, 0, tzinfo=UTC),
            finished_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
            transcript_segments=(SEGMENT,),
            structured=Structured(
                title="A walk",
                overview="In the rain",
                emoji="☂",
                category="personal",
                action_items=(ActionItem(description="Dry the shoes", completed=True),),
                events=({"title": "Walk", "duration": 30},),
            ),
            apps_response=({"app_id": "weather", "content": "Rain"},),
            folder_id="f",
            folder_name="Walks",
        ),
        revision=2,
    ),
    "transcript-flushed.v1": TranscriptFlushed(
        uid="ann", stream_id="stream-1", sequence=7, segments=(SEGMENT,)
    ),
}


def message(name: str) -> tuple[dict[str, str], bytes]:
    first, _, data = (GOLDEN / f"{name}.ndjson").read_bytes().partition(b"\n")
    return json.loads(first), data


@pytest.mark.parametrize("name", EXPECTED)
def test_a_released_event_is_still_read(name: str) -> None:
    attributes, data = message(name)
    event = EXPECTED[name]
    assert type(event).from_message(data, attributes) == event


@pytest.mark.parametrize("name", EXPECTED)
def test_a_released_identity_is_still_the_identity(name: str) -> None:
    """Tasks are named after it: another spelling would deliver again what was delivered."""
    attributes, _ = message(name)
    assert EXPECTED[name].identity() == attributes["identity"]


def test_every_version_of_every_type_has_a_released_event_and_every_file_is_tested() -> None:
    released = {f"{each.name}.v{version}" for each in EVENT_TYPES for version in range(1, each.version + 1)}
    assert {path.stem for path in GOLDEN.iterdir()} == EXPECTED.keys() == released
