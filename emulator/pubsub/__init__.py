"""Google Cloud Pub/Sub v1 on one machine: durable publish, pull and push; it knows no queue or task."""

from __future__ import annotations

from emulator.pubsub.backlog import Backlog
from emulator.pubsub.messages import SERVER_MESSAGE_BYTES
from emulator.pubsub.schema import SCHEMA
from emulator.pubsub.service import PubSub, PubSubStatistics

__all__ = (
    "SCHEMA",
    "SERVER_MESSAGE_BYTES",
    "Backlog",
    "PubSub",
    "PubSubStatistics",
)
