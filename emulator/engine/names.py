"""Says which resource names are legal; it never looks whether the resource exists.

The rules are those of the protos of google.cloud.tasks.v2, matched from the first character to the last. The
wording is the service's.
"""

from __future__ import annotations

import re
import secrets

import grpc
from google.rpc.error_details_pb2 import Help

from emulator.errors import ApiError, InvalidArgumentError

_LOCATION = re.compile(r"projects/[A-Za-z0-9:.-]+/locations/[A-Za-z0-9-]+")
_LOCATION_OF_ANY_PROJECT = re.compile(r"projects/([^/]+)/locations/[A-Za-z0-9-]+")
_QUEUE = re.compile(_LOCATION.pattern + r"/queues/[A-Za-z0-9-]{1,100}")
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")

_REFERENCE = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
_QUEUE_FORMAT = "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>"


def check_location(name: str) -> None:
    """Raises InvalidArgumentError unless `name` is `projects/P/locations/L`.

    Raises ApiError PERMISSION_DENIED for a project that cannot exist, as the service tells of one that the
    caller does not have.
    """
    if not _LOCATION.fullmatch(name):
        if impossible := _LOCATION_OF_ANY_PROJECT.fullmatch(name):
            raise ApiError(
                grpc.StatusCode.PERMISSION_DENIED,
                f"Permission denied on resource project {impossible[1]}.",
            )
        raise InvalidArgumentError("Invalid resource field value in the request.")


def check_queue(name: str) -> None:
    """Raises InvalidArgumentError unless `name` is the full name of a queue."""
    if not _QUEUE.fullmatch(name):
        raise InvalidArgumentError(
            f'Queue name must be formatted: "{_QUEUE_FORMAT}".',
            [_help("Definition of queue name", f"{_REFERENCE}#Queue.FIELDS.name")],
        )


def check_queue_under(name: str, location: str) -> None:
    """Raises InvalidArgumentError unless `name` is the full name of a queue in `location`."""
    check_location(location)
    check_queue(name)
    if not name.startswith(f"{location}/queues/"):
        raise InvalidArgumentError(f"{name} must begin with {location}.")


def split_task(name: str) -> tuple[str, str]:
    """The full name of a task as (full name of its queue, task id). Raises InvalidArgumentError."""
    queue, separator, task_id = name.rpartition("/tasks/")
    if not separator or not _QUEUE.fullmatch(queue):
        raise InvalidArgumentError(f'Task name must be formatted: "{_QUEUE_FORMAT}/tasks/<TASK_ID>"')
    if not _TASK_ID.fullmatch(task_id):
        raise InvalidArgumentError(
            f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or '
            f"underscores (_). Task ID must between 1 and 500 characters.",
            [_help("Definition of task ID", f"{_REFERENCE}.tasks#Task.FIELDS.name")],
        )
    return queue, task_id


def task_id_under(name: str, queue: str) -> str:
    """The id in the full task name `name`, which must be of `queue`. Raises InvalidArgumentError."""
    named, task_id = split_task(name)
    if named != queue:
        raise InvalidArgumentError(
            f"The queue name from request ('{queue}') must be the same as the queue name in the named task "
            f"('{named}')."
        )
    return task_id


def queue_id(name: str) -> str:
    """The last part of a queue's full name."""
    return name.rpartition("/")[2]


def generate_task_id() -> str:
    """An id as the service makes them: decimal digits that look like an unsigned 64-bit number."""
    return str(secrets.randbelow(9 * 10**18) + 10**18)


def _help(description: str, url: str) -> Help:
    return Help(links=[Help.Link(description=description, url=url)])
