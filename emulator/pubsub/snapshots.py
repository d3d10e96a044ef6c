"""Reads and writes snapshots in the store, inside its jobs; it checks no request and seeks nothing.

A snapshot holds what its subscription had not acknowledged, and each message published to the topic since.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.pubsub import answers, names
from emulator.pubsub.pages import Cursor
from emulator.pubsub.subscriptions import Stored

_SELECT = "SELECT id, topic, expires_at, resource FROM pubsub_snapshots"


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot and the id under which its messages are kept."""

    id: int
    resource: types.Snapshot


def create(db: sqlite3.Connection, snapshot: types.Snapshot, source: Stored, expires_at: int) -> None:
    """Raises ALREADY_EXISTS."""
    try:
        row = db.execute(
            "INSERT INTO pubsub_snapshots (name, topic, expires_at, resource) VALUES (?, ?, ?, ?) "
            "RETURNING id",
            (snapshot.name, source.resource.topic, expires_at, _blob(snapshot)),
        ).fetchone()
    except sqlite3.IntegrityError as exc:
        raise answers.already_exists(snapshot.name) from exc
    db.execute(
        "INSERT INTO pubsub_snapshot_messages (message, snapshot) "
        "SELECT message, ? FROM pubsub_deliveries WHERE subscription = ? AND state <> 3",
        (row[0], source.id),
    )


def oldest(db: sqlite3.Connection, source: Stored) -> int | None:
    """When the oldest message that the subscription has not acknowledged was published, if there is one."""
    (published_at,) = db.execute(
        "SELECT min(published_at) FROM pubsub_deliveries JOIN pubsub_messages ON id = message "
        "WHERE subscription = ? AND state <> 3",
        (source.id,),
    ).fetchone()
    return None if published_at is None else int(published_at)


def update(db: sqlite3.Connection, stored: StoredSnapshot, snapshot: types.Snapshot, expires_at: int) -> None:
    db.execute(
        "UPDATE pubsub_snapshots SET expires_at = ?, resource = ? WHERE id = ?",
        (expires_at, _blob(snapshot), stored.id),
    )


def get(db: sqlite3.Connection, name: str, now: int) -> StoredSnapshot:
    """Raises NOT_FOUND, for one that has expired too."""
    row = db.execute(_SELECT + " WHERE name = ? AND expires_at > ?", (name, now)).fetchone()
    if row is None:
        raise answers.not_found(name)
    return _stored(*row)


def page(db: sqlite3.Connection, project: str, asked: Cursor, now: int) -> list[types.Snapshot]:
    """Snapshots of `projects/{project}`, by name."""
    prefix = f"{project}/snapshots/"
    rows = db.execute(
        _SELECT + " WHERE name > ? AND name < ? AND expires_at > ? ORDER BY name LIMIT ?",
        (max(prefix, asked.after), names.after_all(prefix), now, asked.size),
    )
    return [_stored(*row).resource for row in rows]


def names_page(db: sqlite3.Connection, topic: str, asked: Cursor, now: int) -> list[str]:
    """Names of the topic's snapshots, in their order."""
    rows = db.execute(
        "SELECT name FROM pubsub_snapshots WHERE topic = ? AND name > ? AND expires_at > ? "
        "ORDER BY name LIMIT ?",
        (topic, asked.after, now, asked.size),
    )
    return [name for (name,) in rows]


def ids_of_topic(db: sqlite3.Connection, topic: str) -> list[int]:
    return [id_ for (id_,) in db.execute("SELECT id FROM pubsub_snapshots WHERE topic = ?", (topic,))]


def add(db: sqlite3.Connection, snapshot: int, messages: Iterable[int]) -> None:
    """Let the snapshot hold the messages of these ids, which it does not yet."""
    db.executemany(
        "INSERT INTO pubsub_snapshot_messages (message, snapshot) VALUES (?, ?)",
        ((message, snapshot) for message in messages),
    )


def delete(db: sqlite3.Connection, name: str, now: int) -> None:
    """With the messages that nothing else holds. Raises NOT_FOUND."""
    stored = get(db, name, now)
    db.execute("DELETE FROM pubsub_snapshot_messages WHERE snapshot = ?", (stored.id,))
    db.execute("DELETE FROM pubsub_snapshots WHERE id = ?", (stored.id,))


def sweep(db: sqlite3.Connection, now: int, limit: int) -> None:
    """Drop at most `limit` messages of expired snapshots, and those of them that hold none."""
    for (id_,) in db.execute("SELECT id FROM pubsub_snapshots WHERE expires_at <= ?", (now,)).fetchall():
        db.execute(
            "DELETE FROM pubsub_snapshot_messages WHERE (message, snapshot) IN "
            "(SELECT message, snapshot FROM pubsub_snapshot_messages WHERE snapshot = ? LIMIT ?)",
            (id_, limit),
        )
        db.execute(
            "DELETE FROM pubsub_snapshots WHERE id = ? AND NOT EXISTS "
            "(SELECT 1 FROM pubsub_snapshot_messages WHERE snapshot = ?)",
            (id_, id_),
        )


def _blob(snapshot: types.Snapshot) -> bytes:
    blob: bytes = types.Snapshot.serialize(snapshot)
    return blob


def _stored(row_id: int, topic: str, expires_at: int, blob: bytes) -> StoredSnapshot:
    """Topic and expiry are told by the columns."""
    resource: types.Snapshot = types.Snapshot.deserialize(blob)
    resource.topic = topic
    types.Snapshot.pb(resource).expire_time.FromMicroseconds(expires_at)
    return StoredSnapshot(row_id, resource)
