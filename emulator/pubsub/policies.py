"""Says which resources of Pub/Sub have an IAM policy; the policies themselves are kept elsewhere."""

from __future__ import annotations

import sqlite3

from emulator.errors import InvalidArgumentError
from emulator.pubsub import names, snapshots, subscriptions, topics


def require(db: sqlite3.Connection, name: str, now: int) -> None:
    """Raises NOT_FOUND for what does not exist, and InvalidArgumentError for a name that is of none of them.

    `now`: microseconds since the epoch, as snapshots expire.
    """
    if "/topics/" in name:
        topics.require(db, names.check_topic(name))
    elif "/subscriptions/" in name:
        subscriptions.get(db, names.check_subscription(name))
    elif "/snapshots/" in name:
        snapshots.get(db, names.check_snapshot(name), now)
    else:
        raise InvalidArgumentError(
            f"Invalid resource name given (name={name[:300]}): "
            f"give the full name of a topic, subscription or snapshot."
        )
