"""Reads and writes subscriptions in the store, inside its jobs; it checks no request and delivers nothing."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.pubsub import answers, names
from emulator.pubsub.durations import seconds
from emulator.pubsub.pages import Cursor
from emulator.pubsub.resources import RETENTION


@dataclass(frozen=True, slots=True)
class Stored:
    """A subscription and the id under which its deliveries are kept."""

    id: int
    resource: types.Subscription

    @property
    def is_push(self) -> bool:
        return bool(self.resource.push_config.push_endpoint)

    @property
    def retention(self) -> int:
        """Microseconds."""
        return round(seconds(self.resource, "message_retention_duration", RETENTION) * 1_000_000)


def create(db: sqlite3.Connection, subscription: types.Subscription) -> None:
    """Raises ALREADY_EXISTS."""
    try:
        db.execute(
            "INSERT INTO pubsub_subscriptions (name, topic, resource) VALUES (?, ?, ?)",
            (subscription.name, subscription.topic, _blob(subscription)),
        )
    except sqlite3.IntegrityError as exc:
        raise answers.already_exists(subscription.name) from exc


def update(db: sqlite3.Connection, subscription: types.Subscription, now: int) -> None:
    """Give a subscription these settings, its topic aside; its backlog stays, for as long as they say."""
    stored = get(db, subscription.name)
    updated = Stored(stored.id, subscription)
    if stored.is_push and not updated.is_push:
        release(db, stored, now)
    db.execute("UPDATE pubsub_subscriptions SET resource = ? WHERE id = ?", (_blob(subscription), stored.id))
    if updated.retention != stored.retention:
        db.execute(
            "UPDATE pubsub_deliveries SET expires_at = ? + "
            "(SELECT published_at FROM pubsub_messages WHERE id = message) WHERE subscription = ?",
            (updated.retention, stored.id),
        )


def release(db: sqlite3.Connection, stored: Stored, now: int) -> None:
    """Make due what is with a subscriber: for a push subscription whose pushes under way are cut off."""
    db.execute(
        "UPDATE pubsub_deliveries SET leased_until = NULL, due_at = ? "
        "WHERE subscription = ? AND leased_until IS NOT NULL",
        (now, stored.id),
    )


def find(db: sqlite3.Connection, name: str) -> Stored | None:
    row = db.execute(
        "SELECT id, topic, resource FROM pubsub_subscriptions WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else _stored(*row)


def get(db: sqlite3.Connection, name: str) -> Stored:
    """Raises NOT_FOUND."""
    stored = find(db, name)
    if stored is None:
        raise answers.not_found(name)
    return stored


def of_topic(db: sqlite3.Connection, topic: str) -> list[Stored]:
    rows = db.execute("SELECT id, topic, resource FROM pubsub_subscriptions WHERE topic = ?", (topic,))
    return [_stored(*row) for row in rows]


def every(db: sqlite3.Connection) -> list[Stored]:
    """All subscriptions, by name."""
    rows = db.execute("SELECT id, topic, resource FROM pubsub_subscriptions ORDER BY name")
    return [_stored(*row) for row in rows]


def page(db: sqlite3.Connection, project: str, asked: Cursor) -> list[types.Subscription]:
    """Subscriptions of `projects/{project}`, by name."""
    prefix = f"{project}/subscriptions/"
    rows = db.execute(
        "SELECT id, topic, resource FROM pubsub_subscriptions "
        "WHERE name > ? AND name < ? ORDER BY name LIMIT ?",
        (max(prefix, asked.after), names.after_all(prefix), asked.size),
    )
    return [_stored(*row).resource for row in rows]


def names_page(db: sqlite3.Connection, topic: str, asked: Cursor) -> list[str]:
    """Names of the topic's subscriptions, in their order."""
    rows = db.execute(
        "SELECT name FROM pubsub_subscriptions WHERE topic = ? AND name > ? ORDER BY name LIMIT ?",
        (topic, asked.after, asked.size),
    )
    return [name for (name,) in rows]


def delete(db: sqlite3.Connection, name: str) -> None:
    """With everything that it has yet to deliver. Raises NOT_FOUND."""
    stored = get(db, name)
    db.execute("DELETE FROM pubsub_deliveries WHERE subscription = ?", (stored.id,))
    db.execute("DELETE FROM pubsub_subscriptions WHERE id = ?", (stored.id,))


def _blob(subscription: types.Subscription) -> bytes:
    blob: bytes = types.Subscription.serialize(subscription)
    return blob


def _stored(row_id: int, topic: str, blob: bytes) -> Stored:
    """The column tells the topic, since deleting a topic changes it there alone."""
    resource: types.Subscription = types.Subscription.deserialize(blob)
    resource.topic = topic
    return Stored(row_id, resource)
