"""Holds the wire messages of google.cloud.tasks.v2 and turns them into values; it knows no rule of theirs.

The messages are the protobuf classes inside the proto-plus ones, which cost several times as much a call.
They are made at run time, so a type checker sees `Any`; `Pb` says where one is meant.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from google.cloud.tasks_v2.types import cloudtasks, queue, target, task
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from emulator.errors import InvalidArgumentError

Pb: TypeAlias = Any

Task: Pb = task.Task.pb()
HttpRequest: Pb = target.HttpRequest.pb()
Routing: Pb = target.AppEngineRouting.pb()
Queue: Pb = queue.Queue.pb()
BatchCreateTasksMetadata: Pb = cloudtasks.BatchCreateTasksMetadata.pb()
BatchCreateTasksResponse: Pb = cloudtasks.BatchCreateTasksResponse.pb()
BatchDeleteTasksMetadata: Pb = cloudtasks.BatchDeleteTasksMetadata.pb()
ListQueuesResponse: Pb = cloudtasks.ListQueuesResponse.pb()
ListTasksResponse: Pb = cloudtasks.ListTasksResponse.pb()

HTTP_METHODS = {int(method): name for name, method in target.HttpMethod.__members__.items() if method}
"""Number on the wire to the method's name; 0 is "unspecified"."""
GET = int(target.HttpMethod.GET)
POST = int(target.HttpMethod.POST)
RUNNING = int(queue.Queue.State.RUNNING)
PAUSED = int(queue.Queue.State.PAUSED)
BASIC = int(task.Task.View.BASIC)
FULL = int(task.Task.View.FULL)

_MAX_DURATION = 315_576_000_000  # seconds, which is as far as google.protobuf.Duration goes
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, where google.protobuf.Timestamp ends


def checked_view(view: int) -> int:
    """A `response_view` of a request. Raises InvalidArgumentError."""
    if view not in (0, BASIC, FULL):
        raise InvalidArgumentError(f"response_view {view} is unknown: give BASIC ({BASIC}) or FULL ({FULL}).")
    return view


def seconds_of(duration: Duration) -> float:
    return float(duration.seconds + duration.nanos / 1e9)


def duration_of(duration: Duration, field: str) -> float:
    """Seconds of a duration that a caller gave. Raises InvalidArgumentError naming `field`."""
    if not -_MAX_DURATION <= duration.seconds <= _MAX_DURATION or not -(10**9) < duration.nanos < 10**9:
        raise InvalidArgumentError(f"{field} must be a duration of at most {_MAX_DURATION} seconds.")
    return seconds_of(duration)


def set_seconds(duration: Duration, seconds: float) -> None:
    duration.FromNanoseconds(round(seconds * 1e9))


def moment_of(timestamp: Timestamp, field: str) -> float:
    """Seconds since the epoch, to the microsecond. Raises InvalidArgumentError naming `field`."""
    if not -62_135_596_800 <= timestamp.seconds <= _LAST_SECOND or not 0 <= timestamp.nanos < 10**9:
        raise InvalidArgumentError(f"{field} must be a timestamp between the years 1 and 9999.")
    return float(timestamp.seconds) + timestamp.nanos // 1000 / 1e6


def set_moment(timestamp: Timestamp, moment: float) -> None:
    """To the microsecond, which is what the service keeps."""
    timestamp.FromMicroseconds(round(moment * 1e6))
