"""The catalog's topics of events: what they resolve to, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from contracts import EVENT_TYPES, CatalogError, ConversationCreated, TranscriptFlushed, load_catalog
from contracts.catalog import file_schema
from tests.contracts.catalogs import Document, Write

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def document(document: Document) -> Document:
    document["events"] = {
        "conversation-created": {
            "subscription": "conversations",
            "ack_deadline": "30s",
            "min_backoff": "1s",
            "max_backoff": "60s",
            "max_delivery_attempts": 20,
            "dead_letter_topic": "conversations-dead",
        }
    }
    return document


def test_a_topic_is_found_by_the_type_of_its_events(document: Document, write: Write) -> None:
    catalog = load_catalog(write(document))
    topic = catalog.topic_of(ConversationCreated)
    assert catalog.event_topics() == (topic,)
    assert (topic.name, topic.subscription) == ("conversation-created", "conversations")
    assert (topic.min_backoff, topic.max_backoff) == (timedelta(seconds=1), timedelta(minutes=1))
    assert catalog.dead_letter_topics() == ("letters-dead", "conversations-dead")


def test_a_type_without_a_topic_is_named_with_the_remedy(document: Document, write: Write) -> None:
    path = write(document)
    with pytest.raises(CatalogError, match="'transcript-flushed' needs a topic of its name") as caught:
        load_catalog(path).topic_of(TranscriptFlushed)
    assert f"{path} does not have; add it under events, where there are: conversation-created" in str(
        caught.value
    )


@pytest.mark.parametrize("file", ["infra/terraform/queues.yaml", "examples/queues.yaml"])
def test_every_type_has_its_topic_in_every_catalog_of_this_repository(file: str) -> None:
    catalog = load_catalog(REPOSITORY / file)
    assert {topic.name for topic in catalog.event_topics()} == {each.name for each in EVENT_TYPES}


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("ack_deadline", "9s", "9s is not allowed: must be >= 10s and <= 600s"),
        ("ack_deadline", "601s", "601s is not allowed: must be >= 10s and <= 600s"),
        ("ack_deadline", 60, "60 is not allowed: must be a duration"),
        ("max_backoff", "601s", "601s is not allowed: must be >= 0s and <= 600s"),
        ("max_delivery_attempts", 4, "4 is not allowed: must be >= 5 and <= 100"),
        ("max_delivery_attempts", 101, "101 is not allowed: must be >= 5 and <= 100"),
        ("max_delivery_attempts", "20", "'20' is not allowed: Input should be a valid integer"),
        ("subscription", "9 lives", "'9 lives' is not allowed: String should match pattern"),
        ("dead_letter_topic", None, "None is not allowed: Input should be a valid string"),
        ("speed", 1, "is unknown; known are: ack_deadline, dead_letter_topic, max_backoff"),
        ("name", "x", "'x' is not allowed: the key under events is the topic's name"),
    ],
)
def test_a_bad_field_is_named_with_its_topic_value_and_range(
    document: Document, write: Write, field: str, value: object, complaint: str
) -> None:
    document["events"]["conversation-created"][field] = value
    path = write(document)
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert str(caught.value).startswith(f"{path}: event 'conversation-created': field '{field}': {complaint}")


def _second(document: Document, **changes: object) -> None:
    first = document["events"]["conversation-created"]
    document["events"]["transcript-flushed"] = {**first, "subscription": "flushes", **changes}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda document: document.update(events=7), "field 'events': 7 is not allowed"),
        (lambda document: document["events"].update({"a b": {}}), "event 'a b'"),
        (lambda document: document["events"].update({"bare": None}), "event 'bare': None is not allowed"),
        (
            lambda document: document["events"]["conversation-created"].pop("min_backoff"),
            "field 'min_backoff': is missing; set it",
        ),
        (
            lambda document: document["events"]["conversation-created"].update(min_backoff="61s"),
            "min_backoff must be at most max_backoff",
        ),
        (
            lambda document: document["events"]["conversation-created"].update(
                dead_letter_topic="conversation-created"
            ),
            "its messages would come in a circle",
        ),
        (
            lambda document: document["queues"]["letters"].update(dead_letter_topic="conversation-created"),
            "a dead_letter_topic has this name",
        ),
        (
            lambda document: _second(document, subscription="conversations"),
            "event 'transcript-flushed': field 'subscription': 'conversations' is not allowed: it is that of "
            "event 'conversation-created'",
        ),
        (
            lambda document: _second(document, subscription="letters-dead"),
            "it is that of a dead-letter topic",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(
    document: Document, write: Write, change: Callable[[Document], object], complaint: str
) -> None:
    change(document)
    path = write(document)
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


def test_the_schema_takes_what_is_in_order(document: Document, write: Write) -> None:
    jsonschema.validate(document, file_schema())
    _second(document)
    assert len(load_catalog(write(document)).event_topics()) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_delivery_attempts", 4),
        ("ack_deadline", "1m"),
        ("subscription", "9 lives"),
        ("speed", 1),
        ("name", "x"),
    ],
)
def test_the_schema_refuses_what_it_can_see(document: Document, field: str, value: object) -> None:
    document["events"]["conversation-created"][field] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, file_schema())


def test_the_schema_asks_for_every_field(document: Document) -> None:
    document["events"]["conversation-created"].pop("subscription")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, file_schema())
