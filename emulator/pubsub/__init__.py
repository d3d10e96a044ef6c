"""Google Cloud Pub/Sub v1 on one machine: durable publish, pull and push; it knows no queue or task."""

from __future__ import annotations

from emulator.pubsub.backlog import Backlog
from emulator.pubsub.errors import PushError
from emulator.pubsub.messages import SERVER_MESSAGE_BYTES
from emulator.pubsub.push_request import PushRequest
from emulator.pubsub.schema import SCHEMA
from emulator.pubsub.sender import HttpPushSender, PushSender
from emulator.pubsub.service import PubSub, PubSubStatistics

__all__ = (
    "SCHEMA",
    "SERVER_MESSAGE_BYTES",
    "Backlog",
    "HttpPushSender",
    "PubSub",
    "PubSubStatistics",
    "PushError",
    "PushRequest",
    "PushSender",
)
