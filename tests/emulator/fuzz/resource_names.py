"""Draws names of resources, most of which exist while a fuzz runs; it creates none of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

PROJECT = "projects/sidelane-local"
LOCATION = f"{PROJECT}/locations/us-central1"
QUEUES = [f"{LOCATION}/queues/{name}" for name in ("plain", "paused", "overriding", "made-later")]
TASKS = [f"{queue}/tasks/{name}" for queue in QUEUES for name in ("a", "b", "c")]
TOPICS = [f"{PROJECT}/topics/{name}" for name in ("events", "dead", "made-later")]
SUBSCRIPTIONS = [
    f"{PROJECT}/subscriptions/{name}" for name in ("pulled", "pushed", "ordered", "exactly", "made-later")
]
SNAPSHOTS = [f"{PROJECT}/snapshots/{name}" for name in ("taken", "made-later")]
_CMEK = [f"{LOCATION}/cmekConfig"]
_OPERATIONS = [f"{LOCATION}/operations/{name}" for name in ("a", "0")]
_PUBSUB = [*TOPICS, *SUBSCRIPTIONS, *SNAPSHOTS]
_ALL = [PROJECT, LOCATION, *QUEUES, *TASKS, *_CMEK, *_OPERATIONS, *_PUBSUB, "_deleted-topic_"]
_MALFORMED = [
    "",
    "/",
    "projects//locations//queues/",
    f"{QUEUES[0]}/",
    f"{QUEUES[0]}\n",
    f"{QUEUES[0]}/tasks/",
    f"{QUEUES[0]}/tasks/é",
    f"{QUEUES[0]}/tasks/{'t' * 501}",
    f"{QUEUES[0]}/tasks/a/tasks/b",
    f"{LOCATION}/queues/{'q' * 101}",
    f"{LOCATION.upper()}/queues/plain",
    f"{PROJECT}/topics/goog-made",
    f"{PROJECT}/topics/ab",
    f"{PROJECT}/topics/../events",
    f"{PROJECT}/subscriptions/{'s' * 256}",
    "projects/*/topics/*",
    "projects/%2F/topics/%00%ff",
    "projects/\N{SNOWMAN}/locations/us-central1",
    "x" * 70_000,
]

_BY_FIELD: dict[str, list[str]] = {
    "dead_letter_topic": TOPICS,
    "project": [PROJECT],
    "queue": QUEUES,
    "resource": [*QUEUES, *_PUBSUB],
    "snapshot": SNAPSHOTS,
    "subscription": SUBSCRIPTIONS,
    "topic": TOPICS,
}
_BY_MESSAGE = {
    "Cmek": _CMEK,
    "Operation": _OPERATIONS,
    "ListLocations": [PROJECT],
    "Location": [LOCATION],
    "Task": TASKS,
    "Queue": QUEUES,
    "Topic": TOPICS,
    "Subscription": SUBSCRIPTIONS,
    "Snapshot": SNAPSHOTS,
}


def odd_names() -> st.SearchStrategy[str]:
    """Names of another kind, and what is no name."""
    return st.sampled_from([*_ALL, *_MALFORMED])


def usual_names(field: Any) -> list[str] | None:
    """Values for a string field that names a resource; None for a field that names none."""
    message = field.containing_type.name
    if message == "Task" and field.name == "name":
        return ["", "", "", *TASKS]
    if message == "Queue" and field.name == "name":
        return [*QUEUES, QUEUES[-1], QUEUES[-1]]
    if field.name in _BY_FIELD:
        return _BY_FIELD[field.name]
    if field.name == "parent":
        return [LOCATION] if "Queue" in message else [*QUEUES, QUEUES[0], QUEUES[0]]
    if field.name in ("name", "names"):
        return next((names for part, names in _BY_MESSAGE.items() if part in message), None)
    return None
