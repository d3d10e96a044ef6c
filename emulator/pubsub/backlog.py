"""Takes in what is published and drops what is too old, inside the store's jobs; it delivers nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.pubsub import filters, ordering, snapshots, subscriptions
from emulator.pubsub.subscriptions import Stored
from emulator.pubsub.topics import StoredTopic

SWEPT_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """A subscription's messages that are not acknowledged; `outstanding` of them are with a subscriber."""

    subscription: str
    topic: str
    push_endpoint: str
    unacknowledged: int
    outstanding: int


def begin(db: sqlite3.Connection, now: int) -> None:
    """Do what a start needs: message ids go on (or begin at the time), and what the end cut off is free.

    Ids begin at the time, so that ids of an emptied data folder do not come again. Pushes that were under way
    are due at once; what an open stream had stays leased, and is that stream's no more.
    """
    db.execute(
        "INSERT INTO pubsub_last_message (id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM pubsub_last_message)",
        (now,),
    )
    db.execute("UPDATE pubsub_deliveries SET stream = NULL WHERE stream IS NOT NULL")
    for stored in subscriptions.every(db):
        if stored.is_push:
            subscriptions.release(db, stored, now)
    sweep(db, now)


def publish(
    db: sqlite3.Connection,
    topic_name: str,
    topic: StoredTopic,
    messages: Sequence[types.PubsubMessage],
    now: int,
) -> tuple[list[str], list[str]]:
    """Give each subscription of the topic the messages that its filter lets through.

    A message that no subscription, snapshot or topic keeps is kept nowhere. Returns the messages' ids and the
    names of the subscriptions.
    """
    sweep(db, now)
    receivers = subscriptions.of_topic(db, topic_name)
    snapshot_ids = snapshots.ids_of_topic(db, topic_name)
    (last,) = db.execute(
        "UPDATE pubsub_last_message SET id = id + ? RETURNING id", (len(messages),)
    ).fetchone()
    numbered = list(enumerate(messages, start=last - len(messages) + 1))
    taken = [(receiver, filters.matching(receiver.resource.filter, numbered)) for receiver in receivers]
    kept = {id_ for _, matches in taken for id_, _ in matches}
    if snapshot_ids or topic.retention is not None:
        kept.update(id_ for id_, _ in numbered)
    kept_until = None if topic.retention is None else now + topic.retention
    db.executemany(
        "INSERT INTO pubsub_messages (id, topic, published_at, kept_until, body) VALUES (?, ?, ?, ?, ?)",
        (
            (id_, topic.id, now, kept_until, _body(message, id_, now))
            for id_, message in numbered
            if id_ in kept
        ),
    )
    for receiver, matches in taken:
        add(db, receiver, matches, published_at=now, due_at=now)
    for snapshot in snapshot_ids:
        snapshots.add(db, snapshot, (id_ for id_, _ in numbered))
    return [str(id_) for id_, _ in numbered], [receiver.resource.name for receiver in receivers]


def message(db: sqlite3.Connection, id_: int) -> types.PubsubMessage:
    """A message that something holds."""
    (body,) = db.execute("SELECT body FROM pubsub_messages WHERE id = ?", (id_,)).fetchone()
    read: types.PubsubMessage = types.PubsubMessage.deserialize(body)
    return read


def add(
    db: sqlite3.Connection,
    stored: Stored,
    messages: Sequence[tuple[int, types.PubsubMessage]],
    *,
    published_at: int,
    due_at: int,
) -> None:
    """Put messages, each with its id, into the backlog of a subscription; ids rise."""
    keys = [stored.ordering_key(message) for _, message in messages]
    states = ordering.initial_states(db, stored, keys)
    db.executemany(
        "INSERT INTO pubsub_deliveries "
        "(message, subscription, state, due_at, attempts, expires_at, ordering_key) "
        "VALUES (?, ?, ?, ?, 0, ?, ?)",
        (
            (id_, stored.id, state, due_at, published_at + stored.retention, key)
            for (id_, _), state, key in zip(messages, states, keys, strict=True)
        ),
    )


def settle(db: sqlite3.Connection, stored: Stored, messages: Iterable[int]) -> None:
    """Take messages out of the backlog; where the subscription retains them, a seek can bring them back."""
    if stored.resource.retain_acked_messages:
        leave = "UPDATE pubsub_deliveries SET state = 3, leased_until = NULL, stream = NULL"
    else:
        leave = "DELETE FROM pubsub_deliveries"
    db.executemany(
        f"{leave} WHERE message = ? AND subscription = ?", ((message, stored.id) for message in messages)
    )


def sweep(db: sqlite3.Connection, now: int) -> None:
    """Drop what is past its retention: at most `SWEPT_ROWS` of each kind, so that a call stays short."""
    expired = db.execute(
        "SELECT message, subscription, ordering_key FROM pubsub_deliveries WHERE expires_at <= ? LIMIT ?",
        (now, SWEPT_ROWS),
    ).fetchall()
    if expired:
        db.executemany(
            "DELETE FROM pubsub_deliveries WHERE message = ? AND subscription = ?",
            ((message, subscription) for message, subscription, _ in expired),
        )
        for subscription, key in {(subscription, key) for _, subscription, key in expired if key is not None}:
            ordering.advance(db, subscriptions.by_id(db, subscription), [key])
    db.execute(
        "UPDATE pubsub_messages SET kept_until = NULL WHERE id IN "
        "(SELECT id FROM pubsub_messages WHERE kept_until <= ? LIMIT ?)",
        (now, SWEPT_ROWS),
    )
    snapshots.sweep(db, now, SWEPT_ROWS)


def backlogs(db: sqlite3.Connection, now: int) -> list[Backlog]:
    """Every subscription's backlog, by name."""
    counted = {
        subscription: (unacknowledged, outstanding)
        for subscription, unacknowledged, outstanding in db.execute(
            "SELECT subscription, count(*), count(CASE WHEN leased_until > ? THEN 1 END) "
            "FROM pubsub_deliveries WHERE state <> 3 AND expires_at > ? GROUP BY subscription",
            (now, now),
        )
    }
    return [
        Backlog(
            stored.resource.name,
            stored.resource.topic,
            stored.resource.push_config.push_endpoint,
            *counted.get(stored.id, (0, 0)),
        )
        for stored in subscriptions.every(db)
    ]


def _body(message: types.PubsubMessage, id_: int, now: int) -> bytes:
    stamped = type(types.PubsubMessage.pb(message))()
    stamped.CopyFrom(types.PubsubMessage.pb(message))
    stamped.message_id = str(id_)
    stamped.publish_time.FromMicroseconds(now)
    return bytes(stamped.SerializeToString())
