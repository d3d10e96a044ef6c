"""Brings topics and subscriptions to the settings asked for at a start; it deletes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from google.pubsub_v1 import types

from emulator.errors import EmulatorError
from emulator.pubsub import subscriptions, topics


def ensure(
    db: sqlite3.Connection,
    wanted_topics: Iterable[types.Topic],
    wanted_subscriptions: Iterable[types.Subscription],
    now: int,
) -> None:
    """Create what is missing and update what is there.

    Raises NOT_FOUND for a subscription to no topic, EmulatorError for one that exists on another topic.
    """
    for topic in wanted_topics:
        topics.put(db, topic)
    for subscription in wanted_subscriptions:
        stored = subscriptions.find(db, subscription.name)
        if stored is None:
            topics.require(db, subscription.topic)
            subscriptions.create(db, subscription)
        elif stored.resource.topic == subscription.topic:
            subscriptions.update(db, subscription, now)
        else:
            raise EmulatorError(
                f"{subscription.name} exists on {stored.resource.topic}, and a subscription cannot move to "
                f"{subscription.topic}: delete it first, or give the new one another name"
            )
