"""Every form in which a dead letter may be pushed, and whatever else may be: all of it is kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from contracts import EVENT_TYPE, DeadLetter, Undecodable
from handlers.dead_letters.reading import EVENT_UNDELIVERED, original, read_letter
from handlers.push import Pushed, read_push
from tests.handlers.pushes import (
    BINARY,
    ENVELOPE,
    LETTER,
    NOW,
    RAW,
    STRUCTURED,
    pushed,
    structured,
    unwrapped,
    wrapped,
)


@pytest.mark.parametrize("letter", [LETTER, RAW], ids=["task", "bytes"])
@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({}, pushed),
        (BINARY, pushed),
        (STRUCTURED, structured),
        (
            STRUCTURED,
            lambda one: structured(one, data=None, data_base64=base64.b64encode(pushed(one)).decode()),
        ),
    ],
    ids=["wrapped", "binary", "structured", "structured-base64"],
)
def test_a_letter_survives_every_form_whole(
    letter: DeadLetter, headers: dict[str, str], form: Callable[[DeadLetter], bytes]
) -> None:
    assert read_letter(headers, form(letter), NOW) == letter


@pytest.mark.parametrize("letter", [LETTER, RAW], ids=["task", "bytes"])
def test_a_letter_survives_without_its_wrapper_but_for_what_no_header_carries(letter: DeadLetter) -> None:
    headers, body = unwrapped(letter)
    assert read_letter(headers, body, NOW) == letter.model_copy(update={"detail": ""})


def test_a_long_detail_fits_an_attribute_and_stays_text() -> None:
    long = DeadLetter.of(ENVELOPE, queue="q", target="t", reason="r", detail="ü" * 2000, died_at=NOW)
    _, attributes = long.to_message()
    assert attributes["detail"] == "ü" * 512


JUNK: list[tuple[dict[str, str], bytes]] = [
    ({}, b""),
    ({}, b"{}"),
    ({}, b"\xff\xfe"),
    ({}, b'{"message": {"data": "!"}}'),
    ({}, b"[" * 100_000),
    ({**BINARY, "ce-type": "google.cloud.storage.object.v1.finalized"}, pushed(LETTER)),
    ({**BINARY, "ce-specversion": "0.3"}, pushed(LETTER)),
    ({**BINARY, "ce-id": ""}, pushed(LETTER)),
    ({"ce-specversion": "1.0"}, pushed(LETTER)),
    (STRUCTURED, pushed(LETTER)),
    (STRUCTURED, structured(LETTER, data=None)),
    (STRUCTURED, structured(LETTER, datacontenttype="application/xml")),
    ({"x-goog-pubsub-message-id": ""}, LETTER.body),
]


@pytest.mark.parametrize(("headers", "body"), JUNK)
def test_what_is_no_push_is_kept_as_it_came_and_names_the_field(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Undecodable, match=r"field '[a-z0-9_.-]+'"):
        read_push(headers, body)
    kept = read_letter(headers, body, NOW)
    assert (kept.reason, kept.body, kept.died_at) == ("undecodable", body, NOW)
    assert "field" in kept.detail
    assert DeadLetter.from_message(*kept.to_message()) == kept


def test_a_message_that_is_no_letter_is_kept_with_its_attributes() -> None:
    body = json.dumps(wrapped(b"\xffx", {"who": "knows"}, publishTime="2026-01-01T11:00:00Z")).encode()
    kept = read_letter({}, body, NOW)
    assert (kept.reason, kept.queue, kept.died_at) == ("undecodable", "s", NOW - timedelta(hours=1))
    message = Pushed.from_json(kept.body)
    assert (message.data, message.attributes) == (b"\xffx", {"who": "knows"})
    other = json.dumps(wrapped(b"\xffx", {"who": "knows"}, message_id="2")).encode()
    assert read_letter({}, other, NOW).id != kept.id


FORWARDED = {
    "CloudPubSubDeadLetterSourceDeliveryCount": "5",
    "CloudPubSubDeadLetterSourceSubscription": "conversation-created",
    "CloudPubSubDeadLetterSourceSubscriptionProject": "p",
    "CloudPubSubDeadLetterSourceTopicPublishTime": "2026-01-01T10:00:00.123Z",
}


def test_an_event_that_its_subscription_gave_up_is_kept_for_its_topic() -> None:
    push = wrapped(b"\x00event", {"event": "e1", **FORWARDED}, publishTime="2026-01-01T11:00:00Z")
    kept = read_letter({}, json.dumps(push).encode(), NOW)
    assert (kept.type, kept.reason, kept.queue) == (EVENT_TYPE, EVENT_UNDELIVERED, "conversation-created")
    assert (kept.attempt, kept.died_at) == (5, NOW - timedelta(hours=1))
    assert kept.accepted_at == datetime(2026, 1, 1, 10, 0, 0, 123000, tzinfo=UTC)
    assert original(Pushed.from_json(kept.body)) == (b"\x00event", {"event": "e1"})
    again = read_letter({}, json.dumps(push | {"deliveryAttempt": 2}).encode(), NOW)
    assert again == kept


@pytest.mark.parametrize("count", ["", "x", "-3", "²"])
def test_a_strange_count_of_deliveries_does_not_lose_the_event(count: str) -> None:
    attributes = FORWARDED | {
        "CloudPubSubDeadLetterSourceDeliveryCount": count,
        "CloudPubSubDeadLetterSourceTopicPublishTime": "then",
    }
    kept = read_letter({}, json.dumps(wrapped(b"", attributes)).encode(), NOW)
    assert (kept.attempt, kept.accepted_at, kept.reason) == (1, None, EVENT_UNDELIVERED)
