"""Gives a subscription other settings, with what follows for its backlog, in one job; it checks none."""

from __future__ import annotations

import sqlite3

from google.pubsub_v1 import types

from emulator.pubsub import ordering, subscriptions
from emulator.pubsub.subscriptions import Stored


def update(db: sqlite3.Connection, subscription: types.Subscription, now: int) -> None:
    """Its topic, filter and ordering stay what they are. Raises NOT_FOUND."""
    stored = subscriptions.get(db, subscription.name)
    if stored.is_push and not subscription.push_config.push_endpoint:
        subscriptions.release(db, stored, now)
    subscriptions.write(db, stored, subscription)
    updated = subscriptions.get(db, subscription.name)
    if updated.retention != stored.retention:
        _keep_for_retention(db, updated)
    if stored.resource.retain_acked_messages and not subscription.retain_acked_messages:
        db.execute("DELETE FROM pubsub_deliveries WHERE subscription = ? AND state = 3", (stored.id,))
    if updated.resource.dead_letter_policy != stored.resource.dead_letter_policy:
        ordering.arrange(db, updated)


def follow_topic(db: sqlite3.Connection, topic: str) -> None:
    """Let the topic's subscriptions keep messages for as long as it now says."""
    for stored in subscriptions.of_topic(db, topic):
        _keep_for_retention(db, stored)


def detach(db: sqlite3.Connection, name: str) -> None:
    """Drop everything it holds; it gets nothing any more. Raises NOT_FOUND."""
    stored = subscriptions.get(db, name)
    stored.resource.detached = True
    subscriptions.write(db, stored, stored.resource)
    db.execute("DELETE FROM pubsub_deliveries WHERE subscription = ?", (stored.id,))


def _keep_for_retention(db: sqlite3.Connection, stored: Stored) -> None:
    db.execute(
        "UPDATE pubsub_deliveries SET expires_at = ? + "
        "(SELECT published_at FROM pubsub_messages WHERE id = message) WHERE subscription = ?",
        (stored.retention, stored.id),
    )
