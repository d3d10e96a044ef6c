"""Brings topics and subscriptions to the settings asked for at a start; it deletes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from google.pubsub_v1 import types

from emulator.errors import EmulatorError
from emulator.pubsub import subscriptions, topics
from emulator.pubsub.subscription_update import follow_topic, update


def ensure(
    db: sqlite3.Connection,
    wanted_topics: Iterable[types.Topic],
    wanted_subscriptions: Iterable[types.Subscription],
    now: int,
) -> None:
    """Create what is missing and update what is there.

    Raises NOT_FOUND for a subscription to no topic, EmulatorError for one whose topic, filter or ordering is
    another one now: those stay as they were created.
    """
    for topic in wanted_topics:
        topics.put(db, topic)
        follow_topic(db, topic.name)
    for subscription in wanted_subscriptions:
        stored = subscriptions.find(db, subscription.name)
        if stored is None:
            subscriptions.create(db, subscription)
        else:
            _refuse_move(stored.resource, subscription)
            update(db, subscription, now)


def _refuse_move(existing: types.Subscription, wanted: types.Subscription) -> None:
    if existing.topic != wanted.topic:
        raise EmulatorError(
            f"{wanted.name} exists on {existing.topic}, and a subscription cannot move to "
            f"{wanted.topic}: delete it first, or give the new one another name"
        )
    for field in ("filter", "enable_message_ordering"):
        if getattr(existing, field) != getattr(wanted, field):
            raise EmulatorError(
                f"{wanted.name} exists with another {field}, which stays as it was created: "
                "delete it first, or give the new one another name"
            )
