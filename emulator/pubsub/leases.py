"""Leases messages and settles them, inside the store's jobs; it sends nothing and never waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.pubsub import backlog, ordering
from emulator.pubsub.ack_ids import AckId
from emulator.pubsub.backoff import redelivery_delay
from emulator.pubsub.subscriptions import Stored

LEASE_BYTES = 3_500_000  # of one lease, its first message aside: a plain gRPC client takes 4 MiB

_Row = tuple[int, int, int]
"""Message, attempts so far, bytes of its body (which is read for what is leased alone)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a lease is asked for: at most `limit` messages of `size` bytes, for `seconds`.

    `stream` is the StreamingPull that asks, if one does; with a `limit` of 0 it has no room until
    `resumes_at` (microseconds). `in_batches` leases the messages of an ordering key together; without it,
    one at a time.
    """

    limit: int
    seconds: float
    size: int = LEASE_BYTES
    stream: int | None = None
    resumes_at: int | None = None
    in_batches: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that is leased to somebody, who has to acknowledge it."""

    ack_id: AckId
    message: types.PubsubMessage


@dataclass(frozen=True, slots=True)
class Lease:
    """What was leased of which subscription, and when its next message is due (microseconds), if any is.

    `is_last_attempt` says that one of the messages goes to the dead-letter topic if it fails now.
    """

    subscription: types.Subscription
    deliveries: Sequence[Delivery]
    next_due: int | None
    is_last_attempt: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What one stream has: messages, their bytes, and when the first of its leases ends (microseconds)."""

    messages: int
    size: int
    first_ends_at: int | None


@dataclass(frozen=True, slots=True)
class Settled:
    """Which attempts were not settled, as they had ended, and whether another message may be leased now."""

    stale: Sequence[AckId]
    makes_room: bool


def lease(db: sqlite3.Connection, stored: Stored, terms: Terms, now: int) -> Lease:
    """Hand out what is due; each is due again when its lease has ended and its delay has followed."""
    if terms.limit <= 0:
        return Lease(stored.resource, (), terms.resumes_at)
    backlog.sweep(db, now)
    deliveries: list[Delivery] = []
    size = 0
    for message, attempts, length in _due(db, stored, terms, now):
        size += length
        if deliveries and size > terms.size:
            break
        ack_id = AckId(stored.id, message, attempts + 1)
        deliveries.append(Delivery(ack_id, backlog.message(db, message)))
    for delivery in deliveries:
        _start(db, stored, delivery.ack_id, terms, now)
    (next_due,) = db.execute(
        "SELECT min(due_at) FROM pubsub_deliveries WHERE subscription = ? AND state = 0 AND expires_at > ?",
        (stored.id, now),
    ).fetchone()
    is_last_attempt = any(stored.exhausts(delivery.ack_id.attempt) for delivery in deliveries)
    return Lease(stored.resource, deliveries, next_due, is_last_attempt)


def held_by_stream(db: sqlite3.Connection, stream: int, now: int) -> Held:
    messages, size, first_ends_at = db.execute(
        "SELECT count(*), total(length(body)), min(leased_until) FROM pubsub_deliveries "
        "JOIN pubsub_messages ON id = message WHERE stream = ? AND leased_until > ?",
        (stream, now),
    ).fetchone()
    return Held(messages, int(size), first_ends_at)


def acknowledge(db: sqlite3.Connection, stored: Stored, ack_ids: Iterable[AckId], now: int) -> Settled:
    """Settle the messages for good.

    With exactly-once delivery only the attempt under way can do that; without it, whichever attempt is named,
    and those already settled are passed over.
    """
    stale: list[AckId] = []
    makes_room = False
    for ack_id in ack_ids:
        if stored.resource.enable_exactly_once_delivery and not _is_under_way(db, ack_id, now):
            stale.append(ack_id)
        elif remove(db, stored, ack_id.message):
            makes_room = True
    return Settled(stale, makes_room)


def modify_ack_deadline(
    db: sqlite3.Connection, stored: Stored, wanted: Iterable[tuple[AckId, float]], now: int
) -> Settled:
    """Let leases end so many seconds from now (0: give them back); those that ended are passed over."""
    stale: list[AckId] = []
    for ack_id, seconds in wanted:
        if _is_under_way(db, ack_id, now):
            _set_deadline(db, stored, ack_id, seconds, now)
        else:
            stale.append(ack_id)
    return Settled(stale, makes_room=True)


def remove(db: sqlite3.Connection, stored: Stored, message: int) -> bool:
    """Take a message out of the backlog, and let the next of its ordering key be its head.

    Returns whether that lets another one out: the next of its ordering key, or of its stream.
    """
    row = db.execute(
        "SELECT ordering_key, stream FROM pubsub_deliveries "
        "WHERE message = ? AND subscription = ? AND state <> 3",
        (message, stored.id),
    ).fetchone()
    if row is None:
        return False
    backlog.settle(db, stored, [message])
    ordering.advance(db, stored, row[:1])
    return any(value is not None for value in row)


def _due(db: sqlite3.Connection, stored: Stored, terms: Terms, now: int) -> Iterator[_Row]:
    """What may be leased, each head of an ordering key followed by the rest of its batch."""
    rows = db.execute(
        "SELECT message, attempts, length(body), ordering_key FROM pubsub_deliveries "
        "JOIN pubsub_messages ON id = message "
        "WHERE subscription = ? AND state = 0 AND due_at <= ? AND expires_at > ? "
        "ORDER BY due_at, message LIMIT ?",
        (stored.id, now, now, terms.limit),
    ).fetchall()
    left = terms.limit
    for *row, key in rows:
        if left <= 0:
            return
        message, attempts, length = row
        yield message, attempts, length
        left -= 1
        if key is not None and terms.in_batches:
            for follower in _followers(db, stored, key, left, now):
                yield follower
                left -= 1


def _followers(db: sqlite3.Connection, stored: Stored, key: str, limit: int, now: int) -> Iterator[_Row]:
    rows: list[_Row] = db.execute(
        "SELECT message, attempts, length(body) FROM pubsub_deliveries "
        "JOIN pubsub_messages ON id = message "
        "WHERE subscription = ? AND ordering_key = ? AND state = 1 "
        "AND state <> 3 "  # what is said already, as the index of keys says it
        "AND expires_at > ? "
        "ORDER BY message LIMIT ?",
        (stored.id, key, now, limit),
    ).fetchall()
    for row in rows:
        if stored.exhausts(row[1]):
            return  # it goes to the dead-letter topic once it is the head, and the rest waits for that
        yield row


def _is_under_way(db: sqlite3.Connection, ack_id: AckId, now: int) -> bool:
    row = db.execute(
        "SELECT 1 FROM pubsub_deliveries "
        "WHERE message = ? AND subscription = ? AND attempts = ? AND leased_until > ?",
        (ack_id.message, ack_id.subscription, ack_id.attempt, now),
    ).fetchone()
    return row is not None


def _start(db: sqlite3.Connection, stored: Stored, ack_id: AckId, terms: Terms, now: int) -> None:
    db.execute(
        "UPDATE pubsub_deliveries SET attempts = ?, stream = ? WHERE message = ? AND subscription = ?",
        (ack_id.attempt, terms.stream, ack_id.message, stored.id),
    )
    _set_deadline(db, stored, ack_id, terms.seconds, now)


def _set_deadline(db: sqlite3.Connection, stored: Stored, ack_id: AckId, seconds: float, now: int) -> None:
    ends_at = now + round(seconds * 1_000_000)
    is_last = stored.exhausts(ack_id.attempt)
    delay = 0.0 if is_last else redelivery_delay(stored.resource, ack_id.attempt)
    db.execute(
        "UPDATE pubsub_deliveries SET leased_until = ?, due_at = ?, "
        "state = CASE WHEN state = 0 AND ? THEN 2 ELSE state END, "
        "stream = CASE WHEN ? > 0 THEN stream END "
        "WHERE message = ? AND subscription = ?",
        (
            ends_at if seconds > 0 else None,
            ends_at + round(delay * 1_000_000),
            is_last,
            seconds,
            ack_id.message,
            stored.id,
        ),
    )
