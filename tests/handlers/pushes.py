"""Dead letters, and the requests that Pub/Sub and Eventarc push them with."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from google.pubsub_v1 import types as pubsub_types

from contracts import DeadLetter, Envelope, Position
from emulator.pubsub.push_request import push_request
from handlers.push import MESSAGE_PUBLISHED
from tests.handlers.conftest import Note

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "http://dead.test/"
ENVELOPE = Envelope.seal(Note(id="n1", realtime=False), accepted_at=NOW, trace=None)
LETTER = DeadLetter.of(
    ENVELOPE.at(Position(attempt=8, park=0)),
    queue="developer-webhooks",
    target="notebook",
    owner="u1",
    reason="attempts-used",
    detail="answered 500 — ünd so weiter",
    died_at=NOW,
)
RAW = DeadLetter.of_bytes(
    b"\xffjunk",
    type_name="note",
    task_name="t1",
    queue="developer-webhooks",
    reason="undecodable",
    detail="",
    died_at=NOW,
)


def wrapped(
    data: bytes, attributes: Mapping[str, str], *, message_id: str = "1", **fields: object
) -> dict[str, object]:
    message = {"data": base64.b64encode(data).decode(), "attributes": attributes, "messageId": message_id}
    return {"message": {**message, **fields}, "subscription": "projects/p/subscriptions/s"}


def pushed(letter: DeadLetter) -> bytes:
    return json.dumps(wrapped(*letter.to_message())).encode()


def structured(letter: DeadLetter, **changes: object) -> bytes:
    event = {**CLOUD_EVENT, "data": wrapped(*letter.to_message()), **changes}
    return json.dumps(event).encode()


CLOUD_EVENT = {
    "specversion": "1.0",
    "type": MESSAGE_PUBLISHED,
    "source": "//pubsub.googleapis.com/projects/p/topics/t",
    "id": "1",
}
BINARY = {"content-type": "application/json"} | {f"ce-{name}": value for name, value in CLOUD_EVENT.items()}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}


def unwrapped(letter: DeadLetter) -> tuple[dict[str, str], bytes]:
    """As the emulator does it: what is no header is left out."""
    message = pubsub_types.PubsubMessage(data=letter.body, attributes=letter.to_message()[1], message_id="7")
    config = pubsub_types.PushConfig(push_endpoint=URL, no_wrapper={"write_metadata": True})
    subscription = pubsub_types.Subscription(name="projects/p/subscriptions/s", push_config=config)
    request = push_request(subscription, message, attempt=None, token="secret")
    return {name.lower(): value for name, value in request.headers.items()}, request.body
