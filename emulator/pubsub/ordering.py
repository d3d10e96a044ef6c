"""Keeps the messages of one ordering key in their order, inside the store's jobs; it leases none.

The earliest message of a key that is not acknowledged is the key's head. It alone is due; those behind it are
blocked, and are leased in one batch with it or not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from emulator.pubsub.delivery_state import DeliveryState
from emulator.pubsub.subscriptions import Stored


def initial_states(db: sqlite3.Connection, stored: Stored, keys: Iterable[str | None]) -> list[DeliveryState]:
    """The states of messages that are published one after the other, by their ordering keys (None: none)."""
    states = []
    waiting: set[str] = set()
    for key in keys:
        if key is not None and (key in waiting or _head(db, stored.id, key) is not None):
            states.append(DeliveryState.BLOCKED)
        else:
            states.append(DeliveryState.READY)
        if key is not None:
            waiting.add(key)
    return states


def advance(db: sqlite3.Connection, stored: Stored, keys: Iterable[str | None]) -> None:
    """Unblock the heads of these keys, after messages of them have left or been acknowledged."""
    for key in {key for key in keys if key is not None}:
        head = _head(db, stored.id, key)
        if head is None:
            continue
        message, state, attempts = head
        if state == DeliveryState.BLOCKED:
            unblocked = DeliveryState.EXHAUSTED if stored.exhausts(attempts) else DeliveryState.READY
            db.execute(
                "UPDATE pubsub_deliveries SET state = ? WHERE message = ? AND subscription = ?",
                (unblocked, message, stored.id),
            )


def arrange(db: sqlite3.Connection, stored: Stored) -> None:
    """Set the states of all that is not acknowledged anew, after a seek or a change of the subscription.

    What was exhausted stays so only where the dead-letter policy still says it.
    """
    limit = stored.resource.dead_letter_policy.max_delivery_attempts or None
    db.execute(
        """
        UPDATE pubsub_deliveries SET state = CASE
            WHEN ordering_key IS NOT NULL AND message > (
                SELECT min(message) FROM pubsub_deliveries AS earlier
                WHERE earlier.subscription = pubsub_deliveries.subscription
                AND earlier.ordering_key = pubsub_deliveries.ordering_key AND earlier.state <> 3
            ) THEN 1
            WHEN state = 2 AND attempts >= ? THEN 2
            ELSE 0
        END
        WHERE subscription = ? AND state <> 3
        """,
        (limit, stored.id),
    )


def _head(db: sqlite3.Connection, subscription: int, key: str) -> tuple[int, int, int] | None:
    """Message, state and attempts of the key's earliest message that is not acknowledged."""
    head: tuple[int, int, int] | None = db.execute(
        "SELECT message, state, attempts FROM pubsub_deliveries "
        "WHERE subscription = ? AND ordering_key = ? AND state <> 3 ORDER BY message LIMIT 1",
        (subscription, key),
    ).fetchone()
    return head
