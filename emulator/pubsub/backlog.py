"""Keeps what is yet to be delivered, inside the store's jobs; it sends nothing and never waits."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.errors import InvalidArgumentError
from emulator.pubsub import subscriptions
from emulator.pubsub.backoff import redelivery_delay
from emulator.pubsub.subscriptions import Stored

LEASE_BYTES = 3_500_000  # of one lease, its first message aside: a plain gRPC client takes 4 MiB
SWEPT_ROWS = 10_000

_ACK_ID = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class AckId:
    """What an acknowledgement names: one attempt to deliver one message of one subscription."""

    subscription: int
    message: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.subscription}-{self.message}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that is leased to somebody, who has to acknowledge it."""

    ack_id: AckId
    message: types.PubsubMessage


@dataclass(frozen=True, slots=True)
class Lease:
    """What was leased of which subscription, and when its next message is due (microseconds), if any is."""

    subscription: types.Subscription
    deliveries: Sequence[Delivery]
    next_due: int | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """A subscription's messages that are not acknowledged; `outstanding` of them are with a subscriber."""

    subscription: str
    topic: str
    push_endpoint: str
    unacknowledged: int
    outstanding: int


def begin(db: sqlite3.Connection, now: int) -> None:
    """Do what a start needs: message ids go on (or begin at the time), and pushes cut off by the end are due.

    Ids begin at the time, so that ids of an emptied data folder do not come again.
    """
    db.execute(
        "INSERT INTO pubsub_last_message (id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM pubsub_last_message)",
        (now,),
    )
    for stored in subscriptions.every(db):
        if stored.is_push:
            subscriptions.release(db, stored, now)
    sweep(db, now)


def publish(
    db: sqlite3.Connection, topic: str, messages: Sequence[types.PubsubMessage], now: int
) -> tuple[list[str], list[str]]:
    """Give each subscription of the topic the messages; without one they are kept nowhere.

    Returns the messages' ids and the names of the subscriptions.
    """
    receivers = subscriptions.of_topic(db, topic)
    (last,) = db.execute(
        "UPDATE pubsub_last_message SET id = id + ? RETURNING id", (len(messages),)
    ).fetchone()
    ids = range(last - len(messages) + 1, last + 1)
    if receivers:
        db.executemany(
            "INSERT INTO pubsub_messages (id, published_at, body) VALUES (?, ?, ?)",
            ((id_, now, _body(message, id_, now)) for id_, message in zip(ids, messages, strict=True)),
        )
    for receiver in receivers:
        db.executemany(
            "INSERT INTO pubsub_deliveries (message, subscription, due_at, attempts, expires_at) "
            "VALUES (?, ?, ?, 0, ?)",
            ((id_, receiver.id, now, now + receiver.retention) for id_ in ids),
        )
    return [str(id_) for id_ in ids], [receiver.resource.name for receiver in receivers]


def lease(db: sqlite3.Connection, stored: Stored, *, limit: int, seconds: float, now: int) -> Lease:
    """Hand out at most `limit` due messages for `seconds`; each is due again when its delay has followed."""
    rows = db.execute(
        "SELECT message, attempts, body FROM pubsub_deliveries JOIN pubsub_messages ON id = message "
        "WHERE subscription = ? AND due_at <= ? AND expires_at > ? ORDER BY due_at, message LIMIT ?",
        (stored.id, now, now, limit),
    )
    deliveries: list[Delivery] = []
    size = 0
    for message, attempts, body in rows:
        size += len(body)
        if deliveries and size > LEASE_BYTES:
            break
        ack_id = AckId(stored.id, message, attempts + 1)
        deliveries.append(Delivery(ack_id, types.PubsubMessage.deserialize(body)))
    rows.close()
    for delivery in deliveries:
        _set_deadline(db, stored, delivery.ack_id, seconds, now)
    (next_due,) = db.execute(
        "SELECT min(due_at) FROM pubsub_deliveries WHERE subscription = ? AND expires_at > ?",
        (stored.id, now),
    ).fetchone()
    return Lease(stored.resource, deliveries, next_due)


def acknowledge(db: sqlite3.Connection, ack_ids: Iterable[AckId]) -> None:
    """Settle the messages for good, whichever attempt is named; those already settled are passed over."""
    db.executemany(
        "DELETE FROM pubsub_deliveries WHERE message = ? AND subscription = ?",
        ((ack_id.message, ack_id.subscription) for ack_id in ack_ids),
    )


def modify_ack_deadline(
    db: sqlite3.Connection, stored: Stored, ack_ids: Iterable[AckId], *, seconds: float, now: int
) -> None:
    """Let leases end `seconds` from now (0: give the messages back); those that ended are passed over."""
    for ack_id in ack_ids:
        leased = db.execute(
            "SELECT 1 FROM pubsub_deliveries "
            "WHERE message = ? AND subscription = ? AND attempts = ? AND leased_until > ?",
            (ack_id.message, ack_id.subscription, ack_id.attempt, now),
        ).fetchone()
        if leased is not None:
            _set_deadline(db, stored, ack_id, seconds, now)


def sweep(db: sqlite3.Connection, now: int) -> None:
    """Delete deliveries older than their subscription's retention, at most `SWEPT_ROWS` of them."""
    db.execute(
        "DELETE FROM pubsub_deliveries WHERE (message, subscription) IN "
        "(SELECT message, subscription FROM pubsub_deliveries WHERE expires_at <= ? LIMIT ?)",
        (now, SWEPT_ROWS),
    )


def backlogs(db: sqlite3.Connection, now: int) -> list[Backlog]:
    """Every subscription's backlog, by name."""
    counted = {
        subscription: (unacknowledged, outstanding)
        for subscription, unacknowledged, outstanding in db.execute(
            "SELECT subscription, count(*), count(CASE WHEN leased_until > ? THEN 1 END) "
            "FROM pubsub_deliveries WHERE expires_at > ? GROUP BY subscription",
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


def parse_ack_ids(texts: Iterable[str], stored: Stored) -> list[AckId]:
    """Raises INVALID_ARGUMENT for an id that this subscription cannot have given out."""
    ack_ids = []
    for text in texts:
        match = _ACK_ID.fullmatch(text)
        ack_id = AckId(*map(int, match.groups())) if match else None
        if ack_id is None or ack_id.subscription != stored.id:
            raise InvalidArgumentError(
                f"You have passed an invalid ack ID to the service (ack_id={text[:100]}). "
                "Give the ack_id of a message that was received from this subscription."
            )
        ack_ids.append(ack_id)
    return ack_ids


def _set_deadline(db: sqlite3.Connection, stored: Stored, ack_id: AckId, seconds: float, now: int) -> None:
    ends_at = now + round(seconds * 1_000_000)
    due_at = ends_at + round(redelivery_delay(stored.resource, ack_id.attempt) * 1_000_000)
    db.execute(
        "UPDATE pubsub_deliveries SET attempts = ?, leased_until = ?, due_at = ? "
        "WHERE message = ? AND subscription = ?",
        (ack_id.attempt, ends_at if seconds > 0 else None, due_at, ack_id.message, stored.id),
    )


def _body(message: types.PubsubMessage, id_: int, now: int) -> bytes:
    stamped = type(types.PubsubMessage.pb(message))()
    stamped.CopyFrom(types.PubsubMessage.pb(message))
    stamped.message_id = str(id_)
    stamped.publish_time.FromMicroseconds(now)
    return bytes(stamped.SerializeToString())
