"""Events: their messages, and what a reader takes, leaves for later and refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from contracts import (
    EVENT_TYPES,
    ConversationCreated,
    Event,
    InvalidEvent,
    InvalidTask,
    MemoryCreated,
    NewerVersion,
    RealtimeTranscript,
    TranscriptFlushed,
    Undecodable,
    Upcaster,
)
from tests.contracts.events import created, flushed

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("event", [created(), flushed()])
def test_a_message_is_read_as_the_event_that_it_was(event: Event) -> None:
    data, attributes = event.to_message(trace=TRACE)
    assert type(event).from_message(data, attributes) == event
    assert attributes == {
        "event": event.name,
        "version": "1",
        "identity": event.identity(),
        "owner": "ada",
        "traceparent": TRACE,
    }


def test_without_a_trace_there_is_no_attribute_of_one() -> None:
    assert "traceparent" not in created().to_message(trace=None)[1]


def test_an_identity_names_the_event() -> None:
    assert created().identity() == "ada/c-1/0"
    assert flushed(7).identity() == "ada/stream-7/7"
    assert len({created().identity(), created(revision=1).identity(), created("c-2").identity()}) == 3


def test_an_identity_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidTask, match="at most 500"):
        created("ü" * 100).to_message(trace=None)


def test_an_event_is_what_a_webhook_tells() -> None:
    assert created(revision=2).as_webhook() == MemoryCreated(conversation=created().conversation, revision=2)
    assert flushed(3).as_webhook() == RealtimeTranscript(
        stream_id="stream-7", sequence=3, segments=flushed().segments
    )


def test_what_a_newer_field_says_is_ignored() -> None:
    data, attributes = flushed().to_message(trace=None)
    newer = data.replace(b"{", b'{"language":"en",', 1)
    assert TranscriptFlushed.from_message(newer, attributes) == flushed()


def test_a_newer_version_is_not_guessed_at() -> None:
    data, attributes = created().to_message(trace=None)
    with pytest.raises(NewerVersion, match="event 'conversation-created' has version 2"):
        ConversationCreated.from_message(data, {**attributes, "version": "2"})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"event": "transcript-flushed"}, "is 'transcript-flushed' and not 'conversation-created'"),
        ({"version": ""}, "'version' of an event is ''"),
        ({"version": "0"}, "no version"),
        ({"version": "²"}, "no version"),
        ({"version": "-1"}, "no version"),
        ({"version": "1" * 5000}, "no version"),
    ],
)
def test_attributes_of_no_event_are_undecodable(changes: Mapping[str, str], complaint: str) -> None:
    data, attributes = created().to_message(trace=None)
    with pytest.raises(Undecodable, match=complaint) as caught:
        ConversationCreated.from_message(data, {**attributes, **changes})
    assert caught.value.raw == data


def test_a_message_without_attributes_is_undecodable() -> None:
    with pytest.raises(Undecodable, match="'event' is None"):
        ConversationCreated.from_message(b"{}", {})


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{}"])
def test_a_payload_of_no_event_is_undecodable(data: bytes) -> None:
    _, attributes = created().to_message(trace=None)
    with pytest.raises(Undecodable, match="payload of event 'conversation-created' version 1 is not valid"):
        ConversationCreated.from_message(data, attributes)


def test_an_older_version_is_upcast() -> None:
    class Flushed(TranscriptFlushed):
        version: ClassVar[int] = 2
        upcasters: ClassVar[Mapping[int, Upcaster]] = {1: lambda fields: {**fields, "language": "en"}}
        language: str

    read = Flushed.from_message(*flushed().to_message(trace=None))
    assert (read.language, read.sequence) == ("en", 1)


@pytest.mark.filterwarnings("ignore:Field name")
def test_a_type_that_breaks_a_rule_is_refused() -> None:
    with pytest.raises(InvalidEvent, match=r"owner belongs to the event type"):

        class _Greedy(TranscriptFlushed):
            owner: Any = "x"

    with pytest.raises(InvalidEvent, match="lower-case"):

        class _Misnamed(TranscriptFlushed):
            name: ClassVar[str] = "No Name"


def test_names_are_unique() -> None:
    assert len({event_type.name for event_type in EVENT_TYPES}) == len(EVENT_TYPES)
