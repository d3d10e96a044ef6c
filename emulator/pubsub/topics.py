"""Reads and writes topics in the store, inside its jobs; it checks no request."""

from __future__ import annotations

import sqlite3

from google.pubsub_v1 import types

from emulator.pubsub import answers, names
from emulator.pubsub.pages import Cursor


def create(db: sqlite3.Connection, topic: types.Topic) -> None:
    """Raises ALREADY_EXISTS."""
    try:
        db.execute("INSERT INTO pubsub_topics (name, resource) VALUES (?, ?)", (topic.name, _blob(topic)))
    except sqlite3.IntegrityError as exc:
        raise answers.already_exists(topic.name) from exc


def put(db: sqlite3.Connection, topic: types.Topic) -> None:
    """Create the topic, or give it these settings."""
    db.execute(
        "INSERT INTO pubsub_topics (name, resource) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET resource = excluded.resource",
        (topic.name, _blob(topic)),
    )


def get(db: sqlite3.Connection, name: str) -> types.Topic:
    """Raises NOT_FOUND."""
    row = db.execute("SELECT resource FROM pubsub_topics WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise answers.not_found(name)
    return _topic(row[0])


def require(db: sqlite3.Connection, name: str) -> None:
    """Raises NOT_FOUND where there is no such topic."""
    if db.execute("SELECT 1 FROM pubsub_topics WHERE name = ?", (name,)).fetchone() is None:
        raise answers.not_found(name)


def page(db: sqlite3.Connection, project: str, asked: Cursor) -> list[types.Topic]:
    """Topics of `projects/{project}`, by name."""
    prefix = f"{project}/topics/"
    rows = db.execute(
        "SELECT resource FROM pubsub_topics WHERE name > ? AND name < ? ORDER BY name LIMIT ?",
        (max(prefix, asked.after), names.after_all(prefix), asked.size),
    )
    return [_topic(resource) for (resource,) in rows]


def delete(db: sqlite3.Connection, name: str) -> None:
    """Its subscriptions stay, with what they have yet to deliver. Raises NOT_FOUND."""
    if db.execute("DELETE FROM pubsub_topics WHERE name = ?", (name,)).rowcount == 0:
        raise answers.not_found(name)
    db.execute("UPDATE pubsub_subscriptions SET topic = ? WHERE topic = ?", (names.DELETED_TOPIC, name))


def _blob(topic: types.Topic) -> bytes:
    blob: bytes = types.Topic.serialize(topic)
    return blob


def _topic(blob: bytes) -> types.Topic:
    topic: types.Topic = types.Topic.deserialize(blob)
    return topic
