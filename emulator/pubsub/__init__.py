"""Google Cloud Pub/Sub v1 on one machine: durable publish, pull and push; it knows no queue or task."""

from __future__ import annotations

from emulator import iam
from emulator.pubsub import schema
from emulator.pubsub.backlog import Backlog
from emulator.pubsub.messages import SERVER_MESSAGE_BYTES
from emulator.pubsub.service import PubSub, PubSubStatistics

SCHEMA = (*schema.SCHEMA, *iam.schema("pubsub_topics", "pubsub_subscriptions", "pubsub_snapshots"))
"""For `Store`: what Pub/Sub keeps on disk."""

__all__ = (
    "SCHEMA",
    "SERVER_MESSAGE_BYTES",
    "Backlog",
    "PubSub",
    "PubSubStatistics",
)
