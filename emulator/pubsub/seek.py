"""Moves a subscription to another moment of its topic, inside the store's jobs; it delivers nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from emulator.pubsub import backlog, filters, ordering, topics
from emulator.pubsub.delivery_state import DeliveryState
from emulator.pubsub.snapshots import StoredSnapshot
from emulator.pubsub.subscriptions import Stored


def to_time(db: sqlite3.Connection, stored: Stored, moment: int, now: int) -> None:
    """Acknowledge what was published before `moment`, and nothing that was published since.

    What comes back is what the subscription or its topic retains.
    """
    rows = db.execute(
        "SELECT message, state, published_at >= ? FROM pubsub_deliveries "
        "JOIN pubsub_messages ON id = message WHERE subscription = ?",
        (moment, stored.id),
    )
    _mark(db, stored, rows.fetchall(), now)
    topic = topics.find(db, stored.resource.topic)
    if topic is not None:
        rows = db.execute(
            "SELECT id, published_at FROM pubsub_messages "
            "WHERE topic = ? AND kept_until > ? AND published_at >= ? AND NOT EXISTS "
            "(SELECT 1 FROM pubsub_deliveries WHERE message = id AND subscription = ?) ORDER BY id",
            (topic.id, now, moment, stored.id),
        )
        _bring_back(db, stored, rows.fetchall(), now)
    ordering.arrange(db, stored)


def to_snapshot(db: sqlite3.Connection, stored: Stored, snapshot: StoredSnapshot, now: int) -> None:
    """Give the subscription the backlog of the snapshot, and what was published since."""
    rows = db.execute(
        "SELECT message, state, EXISTS (SELECT 1 FROM pubsub_snapshot_messages AS held "
        "WHERE held.message = pubsub_deliveries.message AND held.snapshot = ?) "
        "FROM pubsub_deliveries WHERE subscription = ?",
        (snapshot.id, stored.id),
    )
    _mark(db, stored, rows.fetchall(), now)
    rows = db.execute(
        "SELECT id, published_at FROM pubsub_snapshot_messages JOIN pubsub_messages ON id = message "
        "WHERE snapshot = ? AND NOT EXISTS (SELECT 1 FROM pubsub_deliveries "
        "WHERE pubsub_deliveries.message = id AND subscription = ?) ORDER BY id",
        (snapshot.id, stored.id),
    )
    _bring_back(db, stored, rows.fetchall(), now)
    ordering.arrange(db, stored)


def _mark(
    db: sqlite3.Connection, stored: Stored, rows: Iterable[tuple[int, DeliveryState, bool]], now: int
) -> None:
    """Acknowledge or bring back what the subscription holds: rows of message, state, whether it is wanted."""
    unwanted: list[int] = []
    wanted_again: list[tuple[int, int, int]] = []
    for message, state, is_wanted in rows:
        if is_wanted and state == DeliveryState.ACKNOWLEDGED:
            wanted_again.append((now, message, stored.id))
        elif not is_wanted and state != DeliveryState.ACKNOWLEDGED:
            unwanted.append(message)
    backlog.settle(db, stored, unwanted)
    db.executemany(
        "UPDATE pubsub_deliveries SET state = 0, due_at = ? WHERE message = ? AND subscription = ?",
        wanted_again,
    )


def _bring_back(db: sqlite3.Connection, stored: Stored, rows: Iterable[tuple[int, int]], now: int) -> None:
    """Put messages (id, when published) back into the backlog."""
    for id_, published_at in rows:
        messages = [(id_, backlog.message(db, id_))]
        passing = filters.matching(stored.resource.filter, messages)
        backlog.add(db, stored, passing, published_at=published_at, due_at=now)
