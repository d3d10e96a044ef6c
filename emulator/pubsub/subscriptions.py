"""Reads and writes subscriptions in the store, inside its jobs; it checks no request and delivers nothing."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.pubsub import answers, names, topics
from emulator.pubsub.durations import duration, microseconds
from emulator.pubsub.pages import Cursor

_SELECT = """
    SELECT subscription.id, subscription.topic, subscription.resource, topic.retention
    FROM pubsub_subscriptions AS subscription
    LEFT JOIN pubsub_topics AS topic ON topic.name = subscription.topic
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A subscription and the id under which its deliveries are kept."""

    id: int
    resource: types.Subscription

    @property
    def is_push(self) -> bool:
        return bool(self.resource.push_config.push_endpoint) and not self.resource.detached

    @property
    def retention(self) -> int:
        """Microseconds: its own, or its topic's, whichever is longer."""
        own = microseconds(self.resource, "message_retention_duration") or 0
        return max(own, microseconds(self.resource, "topic_message_retention_duration") or 0)

    def exhausts(self, attempt: int) -> bool:
        """Whether this delivery attempt is the last before the dead-letter topic."""
        limit = self.resource.dead_letter_policy.max_delivery_attempts
        return bool(limit) and attempt >= limit

    def ordering_key(self, message: types.PubsubMessage) -> str | None:
        """The key whose order is to be kept; None where there is none to keep."""
        return message.ordering_key or None if self.resource.enable_message_ordering else None


def create(db: sqlite3.Connection, subscription: types.Subscription) -> None:
    """Raises ALREADY_EXISTS, and NOT_FOUND for a topic or dead-letter topic that does not exist."""
    require_topics(db, subscription)
    try:
        db.execute(
            "INSERT INTO pubsub_subscriptions (name, topic, resource) VALUES (?, ?, ?)",
            (subscription.name, subscription.topic, _blob(subscription)),
        )
    except sqlite3.IntegrityError as exc:
        raise answers.already_exists(subscription.name) from exc


def require_topics(db: sqlite3.Connection, subscription: types.Subscription) -> None:
    """Raises NOT_FOUND where its topic or its dead-letter topic does not exist."""
    topics.require(db, subscription.topic)
    if "dead_letter_policy" in subscription:
        topics.require(db, subscription.dead_letter_policy.dead_letter_topic)


def write(db: sqlite3.Connection, stored: Stored, subscription: types.Subscription) -> None:
    """Replace the settings, and nothing that follows from them: see `subscription_update`."""
    db.execute(
        "UPDATE pubsub_subscriptions SET resource = ?, is_detached = ? WHERE id = ?",
        (_blob(subscription), subscription.detached, stored.id),
    )


def release(db: sqlite3.Connection, stored: Stored, now: int) -> None:
    """Make due what is with a subscriber: for a push subscription whose pushes under way are cut off."""
    db.execute(
        "UPDATE pubsub_deliveries SET leased_until = NULL, due_at = ? "
        "WHERE subscription = ? AND leased_until IS NOT NULL",
        (now, stored.id),
    )


def find(db: sqlite3.Connection, name: str) -> Stored | None:
    row = db.execute(f"{_SELECT} WHERE subscription.name = ?", (name,)).fetchone()
    return None if row is None else _stored(*row)


def get(db: sqlite3.Connection, name: str) -> Stored:
    """Raises NOT_FOUND."""
    stored = find(db, name)
    if stored is None:
        raise answers.not_found(name)
    return stored


def by_id(db: sqlite3.Connection, row_id: int) -> Stored:
    """The subscription of a delivery, which goes with it."""
    return _stored(*db.execute(f"{_SELECT} WHERE subscription.id = ?", (row_id,)).fetchone())


def of_topic(db: sqlite3.Connection, topic: str) -> list[Stored]:
    """Those that are not detached from it."""
    rows = db.execute(f"{_SELECT} WHERE subscription.topic = ? AND NOT is_detached", (topic,))
    return [_stored(*row) for row in rows]


def every(db: sqlite3.Connection) -> list[Stored]:
    """All subscriptions, by name."""
    rows = db.execute(f"{_SELECT} ORDER BY subscription.name")
    return [_stored(*row) for row in rows]


def page(db: sqlite3.Connection, project: str, asked: Cursor) -> list[types.Subscription]:
    """Subscriptions of `projects/{project}`, by name."""
    prefix = f"{project}/subscriptions/"
    rows = db.execute(
        f"{_SELECT} WHERE subscription.name > ? AND subscription.name < ? ORDER BY subscription.name LIMIT ?",
        (max(prefix, asked.after), names.after_all(prefix), asked.size),
    )
    return [_stored(*row).resource for row in rows]


def names_page(db: sqlite3.Connection, topic: str, asked: Cursor) -> list[str]:
    """Names of the topic's subscriptions, in their order."""
    rows = db.execute(
        "SELECT name FROM pubsub_subscriptions "
        "WHERE topic = ? AND name > ? AND NOT is_detached ORDER BY name LIMIT ?",
        (topic, asked.after, asked.size),
    )
    return [name for (name,) in rows]


def delete(db: sqlite3.Connection, name: str) -> None:
    """With everything that it has yet to deliver. Raises NOT_FOUND."""
    stored = get(db, name)
    db.execute("DELETE FROM pubsub_deliveries WHERE subscription = ?", (stored.id,))
    db.execute("DELETE FROM pubsub_subscriptions WHERE id = ?", (stored.id,))


def _blob(subscription: types.Subscription) -> bytes:
    """Without what the store tells itself."""
    kept = types.Subscription(subscription)
    del kept.topic_message_retention_duration
    blob: bytes = types.Subscription.serialize(kept)
    return blob


def _stored(row_id: int, topic: str, blob: bytes, topic_retention: int | None) -> Stored:
    """Topic and its retention are told by the columns, since calls on topics change them there alone."""
    resource: types.Subscription = types.Subscription.deserialize(blob)
    resource.topic = topic
    if topic_retention is not None:
        resource.topic_message_retention_duration = duration(topic_retention / 1_000_000)
    return Stored(row_id, resource)
