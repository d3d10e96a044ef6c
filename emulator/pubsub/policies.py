"""Says which resources of Pub/Sub have an IAM policy; the policies themselves are kept elsewhere."""

from __future__ import annotations

import sqlite3

from emulator.errors import InvalidArgumentError
from emulator.pubsub import names, subscriptions, topics


def require(db: sqlite3.Connection, name: str) -> None:
    """Raises NOT_FOUND for a topic or subscription that does not exist, else InvalidArgumentError."""
    if "/topics/" in name:
        topics.require(db, names.check_topic(name))
    elif "/subscriptions/" in name:
        subscriptions.get(db, names.check_subscription(name))
    else:
        raise InvalidArgumentError(
            f"Invalid resource name given (name={name[:300]}): give the full name of a topic or subscription."
        )
