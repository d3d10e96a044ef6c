"""Reads and writes topics in the store, inside its jobs; it checks no request."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.pubsub import answers, names
from emulator.pubsub.durations import microseconds
from emulator.pubsub.pages import Cursor


@dataclass(frozen=True, slots=True)
class StoredTopic:
    """What a publish needs of a topic: its id, and how long it keeps messages itself (microseconds)."""

    id: int
    retention: int | None


def create(db: sqlite3.Connection, topic: types.Topic) -> None:
    """Raises ALREADY_EXISTS."""
    try:
        db.execute(
            "INSERT INTO pubsub_topics (name, resource, retention) VALUES (?, ?, ?)",
            (topic.name, _blob(topic), _retention(topic)),
        )
    except sqlite3.IntegrityError as exc:
        raise answers.already_exists(topic.name) from exc


def update(db: sqlite3.Connection, topic: types.Topic) -> None:
    """Give the topic these settings; its retention counts for what it keeps already. Raises NOT_FOUND."""
    stored = require(db, topic.name)
    retention = _retention(topic)
    db.execute(
        "UPDATE pubsub_topics SET resource = ?, retention = ? WHERE id = ?",
        (_blob(topic), retention, stored.id),
    )
    db.execute(
        "UPDATE pubsub_messages SET kept_until = published_at + ? WHERE topic = ? AND kept_until IS NOT NULL",
        (retention, stored.id),  # without a retention the sum is NULL
    )


def put(db: sqlite3.Connection, topic: types.Topic) -> None:
    """Create the topic, or give it these settings."""
    if find(db, topic.name) is None:
        create(db, topic)
    else:
        update(db, topic)


def get(db: sqlite3.Connection, name: str) -> types.Topic:
    """Raises NOT_FOUND."""
    row = db.execute("SELECT resource FROM pubsub_topics WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise answers.not_found(name)
    return _topic(row[0])


def find(db: sqlite3.Connection, name: str) -> StoredTopic | None:
    row = db.execute("SELECT id, retention FROM pubsub_topics WHERE name = ?", (name,)).fetchone()
    return None if row is None else StoredTopic(*row)


def require(db: sqlite3.Connection, name: str) -> StoredTopic:
    """Raises NOT_FOUND where there is no such topic."""
    stored = find(db, name)
    if stored is None:
        raise answers.not_found(name)
    return stored


def page(db: sqlite3.Connection, project: str, asked: Cursor) -> list[types.Topic]:
    """Topics of `projects/{project}`, by name."""
    prefix = f"{project}/topics/"
    rows = db.execute(
        "SELECT resource FROM pubsub_topics WHERE name > ? AND name < ? ORDER BY name LIMIT ?",
        (max(prefix, asked.after), names.after_all(prefix), asked.size),
    )
    return [_topic(resource) for (resource,) in rows]


def delete(db: sqlite3.Connection, name: str) -> None:
    """Its subscriptions and snapshots stay, with what they hold. Raises NOT_FOUND."""
    stored = require(db, name)
    db.execute(
        "UPDATE pubsub_messages SET kept_until = NULL WHERE topic = ? AND kept_until IS NOT NULL",
        (stored.id,),
    )
    db.execute("DELETE FROM pubsub_topics WHERE id = ?", (stored.id,))
    db.execute("UPDATE pubsub_subscriptions SET topic = ? WHERE topic = ?", (names.DELETED_TOPIC, name))
    db.execute("UPDATE pubsub_snapshots SET topic = ? WHERE topic = ?", (names.DELETED_TOPIC, name))


def _retention(topic: types.Topic) -> int | None:
    return microseconds(topic, "message_retention_duration")


def _blob(topic: types.Topic) -> bytes:
    blob: bytes = types.Topic.serialize(topic)
    return blob


def _topic(blob: bytes) -> types.Topic:
    topic: types.Topic = types.Topic.deserialize(blob)
    return topic
