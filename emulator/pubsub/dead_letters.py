"""Moves messages that used up their attempts to the dead-letter topic, in one commit; it counts none."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.pubsub import backlog, leases, names, subscriptions, topics
from emulator.pubsub.backoff import redelivery_delay
from emulator.pubsub.subscriptions import Stored

FORWARDED_ROWS = 1000  # of one commit

_PREFIX = "CloudPubSubDeadLetterSource"


@dataclass(frozen=True, slots=True)
class Forwarded:
    """How many messages moved, which subscriptions they concern, when the next may be due (microseconds)."""

    count: int
    concerned: Collection[str]
    next_due: int | None


def forward(db: sqlite3.Connection, now: int) -> Forwarded:
    """Publish what is exhausted, and take it out of its own subscription.

    Where the dead-letter topic is gone the message stays, and is delivered again after its delay.
    """
    rows = db.execute(
        "SELECT subscription, message, attempts FROM pubsub_deliveries "
        "WHERE state = 2 AND due_at <= ? ORDER BY due_at, message LIMIT ?",
        (now, FORWARDED_ROWS),
    ).fetchall()
    count = 0
    concerned: set[str] = set()
    for subscription, message, attempts in rows:
        stored = subscriptions.by_id(db, subscription)
        concerned.add(stored.resource.name)
        topic_name = stored.resource.dead_letter_policy.dead_letter_topic
        topic = topics.find(db, topic_name)
        if topic is None:
            _deliver_again(db, stored, message, attempts, now)
            continue
        letter = dead_letter(backlog.message(db, message), stored.resource, attempts)
        _, receivers = backlog.publish(db, topic_name, topic, [letter], now)
        concerned.update(receivers)
        leases.remove(db, stored, message)
        count += 1
    (next_due,) = db.execute("SELECT min(due_at) FROM pubsub_deliveries WHERE state = 2").fetchone()
    return Forwarded(count, concerned, next_due)


def dead_letter(
    message: types.PubsubMessage, subscription: types.Subscription, attempts: int
) -> types.PubsubMessage:
    """The message as it is forwarded: with attributes that tell where it comes from."""
    published = types.PubsubMessage.pb(message).publish_time.ToJsonString()
    letter = types.PubsubMessage(
        data=message.data, attributes=dict(message.attributes), ordering_key=message.ordering_key
    )
    project, short_name = names.parts(subscription.name)
    letter.attributes.update(
        {
            f"{_PREFIX}DeliveryCount": str(attempts),
            f"{_PREFIX}Subscription": short_name,
            f"{_PREFIX}SubscriptionProject": project,
            f"{_PREFIX}TopicPublishTime": published,
        }
    )
    return letter


def _deliver_again(db: sqlite3.Connection, stored: Stored, message: int, attempts: int, now: int) -> None:
    due_at = now + round(redelivery_delay(stored.resource, attempts) * 1_000_000)
    db.execute(
        "UPDATE pubsub_deliveries SET state = 0, due_at = ? WHERE message = ? AND subscription = ?",
        (due_at, message, stored.id),
    )
