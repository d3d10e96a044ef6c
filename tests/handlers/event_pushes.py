"""What Pub/Sub pushes for an event, for the tests of events."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime

from contracts import Event
from tests.handlers.conftest import START

CONVERSATIONS = "conversation-created-handlers"
FLUSHES = "transcript-flushed-handlers"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def wrapped(data: bytes, attributes: Mapping[str, str], published_at: datetime = START) -> dict[str, object]:
    """The body of a push."""
    return {
        "message": {
            "data": base64.b64encode(data).decode(),
            "attributes": dict(attributes),
            "messageId": "1",
            "publishTime": published_at.isoformat(),
        },
        "subscription": f"projects/p/subscriptions/{CONVERSATIONS}",
    }


def pushed(event: Event, published_at: datetime = START) -> dict[str, object]:
    return wrapped(*event.to_message(trace=TRACE), published_at)
