"""Makes the Task of a BufferTask call from the raw HTTP request that is to be buffered; it creates none."""

from __future__ import annotations

from collections.abc import Iterable

import grpc

from emulator.errors import ApiError, InvalidArgumentError
from emulator.tasks.http_target import gives_host
from emulator.tasks.messages import HTTP_METHODS, Pb, Task

CONTENT_TYPE = "application/json"
"""Of a request that says none."""

_METHODS = {name: number for number, name in HTTP_METHODS.items()}
_OF_THE_CALL = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-goog-api-client",
        "x-goog-request-params",
        "x-goog-user-project",
    }
)
"""Headers that belong to the call of the API and its connection, not to the request that is buffered. Which
ones production keeps is not documented."""


def buffered_task(
    queue: Pb, name: str, *, method: str, headers: Iterable[tuple[str, str]], body: bytes
) -> Pb:
    """The task to create in `queue` (its Queue message): its URL comes from the queue's http_target.

    `name` is the full name of the task, or empty. Headers that come several times are joined by commas.

    Raises ApiError FAILED_PRECONDITION for a queue without http_target, or InvalidArgumentError for one
    whose target has no host, and for a method that tasks do not have.
    """
    if not queue.HasField("http_target"):
        raise ApiError(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"BufferTask needs a queue with an http_target: set Queue.httpTarget of {queue.name}.",
        )
    if not gives_host(queue):
        raise InvalidArgumentError(
            f"BufferTask needs a host to call: set Queue.httpTarget.uriOverride.host of {queue.name}."
        )
    if method.upper() not in _METHODS:
        raise InvalidArgumentError(f"HttpRequest.httpMethod {method} is unknown.")
    task = Task(name=name)
    task.http_request.http_method = _METHODS[method.upper()]
    task.http_request.headers.update(_kept(headers))
    task.http_request.body = body
    return task


def _kept(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    names: dict[str, str] = {}
    kept: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered in _OF_THE_CALL:
            continue
        first = names.setdefault(lowered, name)
        kept[first] = f"{kept[first]}, {value}" if first in kept else value
    if "content-type" not in names:
        kept["Content-Type"] = CONTENT_TYPE
    return kept
