"""Names an event, and everything whose name follows from that: tasks and deliveries. Pure.

An identity names the event, never the user alone: two events of one user differ, and one event
told twice is the same. It stays equal over attempts, parks and replays.
"""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote

from contracts.errors import InvalidTask

MAX_IDENTITY = 500
"""Longest identity in characters: it is a key in the ledger, whose stores limit keys (Firestore: 1,500 B)."""


def identity_of(*parts: str | int) -> str:
    """Join parts into one identity, escaped so that no two lists of parts give the same one.

    Raises:
        InvalidTask: there is no part, one is empty, or the whole is longer than `MAX_IDENTITY`
            characters.
    """
    if not parts:
        raise InvalidTask("the identity has no parts; an event needs a name")
    for place, part in enumerate(parts):
        if part == "":
            raise InvalidTask(f"part {place} of the identity {parts!r} is empty; an event needs a name")
    identity = "/".join(quote(str(part), safe="") for part in parts)
    if len(identity) > MAX_IDENTITY:
        raise InvalidTask(
            f"the identity {identity[:80]!r}… has {len(identity)} characters, at most {MAX_IDENTITY} are "
            "allowed; use the event's id and not its content"
        )
    return identity


def task_id(name: str, identity: str, generation: int, attempt: int, park: int) -> str:
    """The Cloud Tasks TASK_ID: 32 hex digits, equal for equal arguments.

    Creating the same task twice then meets ALREADY_EXISTS instead of running twice. Hashed since
    sequential ids slow Cloud Tasks down (quota page, "use well-distributed task names").
    """
    return _digest(name, identity, generation, attempt, park)


def delivery_id(name: str, identity: str) -> str:
    """The id that a receiver sees: equal over attempts, parks and replays of one event."""
    return "msg_" + _digest(name, identity)


def _digest(*parts: str | int) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
