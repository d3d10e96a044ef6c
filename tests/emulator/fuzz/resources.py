"""Makes the resources that a fuzz works on, those again that it deleted; it leaves what exists alone."""

from __future__ import annotations

from typing import Any

import grpc
from google.cloud.tasks_v2 import types as tasks_types
from google.pubsub_v1 import types as pubsub_types

from emulator import Emulator
from emulator.errors import ApiError
from tests.emulator.fuzz.resource_names import LOCATION, QUEUES, SNAPSHOTS, SUBSCRIPTIONS, TOPICS

_PLAIN, _PAUSED, _OVERRIDING, _ = QUEUES
_EVENTS, _DEAD, _ = TOPICS
_PULLED, _PUSHED, _ORDERED, _EXACTLY, _ = SUBSCRIPTIONS
_URL = "http://target.example/"


def _queue(name: str, **fields: Any) -> tuple[str, Any]:
    request = tasks_types.CreateQueueRequest(parent=LOCATION, queue=tasks_types.Queue(name=name, **fields))
    return "google.cloud.tasks.v2.CloudTasks/CreateQueue", request


def _task(queue: str, **fields: Any) -> tuple[str, Any]:
    request = tasks_types.CreateTaskRequest(
        parent=queue, task={"http_request": {"url": _URL, "body": b"x"}, **fields}
    )
    return "google.cloud.tasks.v2.CloudTasks/CreateTask", request


def _subscription(name: str, **fields: Any) -> tuple[str, Any]:
    request = pubsub_types.Subscription(name=name, topic=_EVENTS, **fields)
    return "google.pubsub.v1.Subscriber/CreateSubscription", request


_RESOURCES: tuple[tuple[str, Any], ...] = (
    _queue(_PLAIN),
    _queue(_PAUSED),
    ("google.cloud.tasks.v2.CloudTasks/PauseQueue", tasks_types.PauseQueueRequest(name=_PAUSED)),
    _queue(_OVERRIDING, http_target={"uri_override": {"host": "other.example", "port": 8080}}),
    _task(_PAUSED, name=f"{_PAUSED}/tasks/a"),
    _task(_PLAIN, name=f"{_PLAIN}/tasks/a", schedule_time={"seconds": 1_758_700_000 + 86_400}),
    ("google.pubsub.v1.Publisher/CreateTopic", pubsub_types.Topic(name=_EVENTS)),
    ("google.pubsub.v1.Publisher/CreateTopic", pubsub_types.Topic(name=_DEAD)),
    _subscription(_PULLED, retain_acked_messages=True),
    _subscription(
        _PUSHED, push_config={"push_endpoint": _URL}, dead_letter_policy={"dead_letter_topic": _DEAD}
    ),
    _subscription(_ORDERED, enable_message_ordering=True),
    _subscription(_EXACTLY, enable_exactly_once_delivery=True),
    (
        "google.pubsub.v1.Subscriber/CreateSnapshot",
        pubsub_types.CreateSnapshotRequest(name=SNAPSHOTS[0], subscription=_PULLED),
    ),
    (
        "google.pubsub.v1.Publisher/Publish",
        pubsub_types.PublishRequest(topic=_EVENTS, messages=[{"data": b"x", "ordering_key": "k"}]),
    ),
)


async def call(emulator: Emulator, method: str, request: Any) -> Any:
    """The answer, a protobuf message, to a proto-plus request. Raises ApiError."""
    service, _, name = method.partition("/")
    _, function = {**emulator.tasks.methods(), **emulator.pubsub.methods()}[service][name]
    return await function(type(request).pb(request))


async def make_resources(emulator: Emulator) -> None:
    for method, request in _RESOURCES:
        try:
            await call(emulator, method, request)
        except ApiError as exc:
            if exc.code not in (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.NOT_FOUND):
                raise
