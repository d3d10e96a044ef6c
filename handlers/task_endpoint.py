"""`POST /tasks/{task_type}` as an ASGI application: hands bytes and headers to the pipeline, its reply back.

Every side effect comes this way, so it goes without a framework's request and response objects, which would
cost as much as claiming the task does.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handlers.arrival import TaskRequest

if TYPE_CHECKING:
    from starlette.datastructures import State
    from starlette.types import Receive, Scope, Send

    from handlers.opening import Opened

_AUTHORIZATION = b"authorization"
_QUEUE = b"x-cloudtasks-queuename"
_NAME = b"x-cloudtasks-taskname"
_RETRIES = b"x-cloudtasks-taskretrycount"
_DUE = b"x-cloudtasks-tasketa"
_WANTED = frozenset({_AUTHORIZATION, _QUEUE, _NAME, _RETRIES, _DUE})


class TaskEndpoint:
    def __init__(self, state: State) -> None:
        """`state.opened` is there once the service's lifespan has begun."""
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opened: Opened = self._state.opened
        headers: dict[bytes, str] = {
            name: value.decode("latin-1") for name, value in scope["headers"] if name in _WANTED
        }
        body = await _read(receive)
        if body is None:  # who called has left, and would not hear an answer
            return
        reply = await opened.pipeline.handle(
            TaskRequest(
                type=scope["path_params"]["task_type"],
                body=body,
                authorization=headers.get(_AUTHORIZATION),
                cloud_queue=headers.get(_QUEUE, ""),
                task_name=headers.get(_NAME, ""),
                retries=_count(headers.get(_RETRIES, "")),
                due=_moment(headers.get(_DUE, "")),
            )
        )
        answer = json.dumps({"outcome": reply.word}).encode()
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(answer)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer})


async def _read(receive: Receive) -> bytes | None:
    """The body; None where the caller left before its end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _count(header: str) -> int:
    return int(header) if header.isascii() and header.isdigit() else 0


def _moment(header: str) -> datetime | None:
    """Seconds since 1970, with a fraction; anything else counts as not said."""
    try:
        return datetime.fromtimestamp(float(header), UTC)
    except (ValueError, OverflowError, OSError):
        return None
