"""Makes the headers of a task: those that are stored with it and those that its dispatch carries."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.engine.attempts import NO_RESPONSE, Attempts

USER_AGENT = "Google-Cloud-Tasks"
APP_ENGINE_USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"

_IGNORED = frozenset({"host", "content-length", "user-agent"})
_INJECTED = "x-cloudtasks-"
_RESERVED = ("x-google-", "x-appengine-", _INJECTED)


def stored_headers(given: Mapping[str, str]) -> dict[str, str]:
    """The headers a task keeps: the caller's, in the caller's case, but those that the service ignores."""
    kept = {name: value for name, value in given.items() if is_settable(name)}
    kept["User-Agent"] = USER_AGENT
    return kept


def stored_app_engine_headers(given: Mapping[str, str], *, body_length: int) -> dict[str, str]:
    """The same for an App Engine task, which gets a type and length with a body and adds to a User-Agent."""
    kept = {name: value for name, value in given.items() if is_settable(name)}
    names = {name.lower(): value for name, value in given.items()}
    kept["User-Agent"] = " ".join(filter(None, (names.get("user-agent"), APP_ENGINE_USER_AGENT)))
    if body_length:
        kept["Content-Length"] = str(body_length)
        if "content-type" not in names:
            kept["Content-Type"] = "application/octet-stream"
    return kept


def dispatch_headers(
    stored: Mapping[str, str],
    *,
    queue_id: str,
    task_id: str,
    attempts: Attempts,
    schedule_time: float,
    authorization: str | None,
) -> dict[str, str]:
    """The headers of the attempt that follows `attempts`; what is injected wins over what is stored.

    `Content-Type` is never invented. `schedule_time`: when the attempt was due, in seconds since the epoch.
    """
    replaced = "authorization" if authorization is not None else ""
    headers = {
        name: value
        for name, value in stored.items()
        if not (lowered := name.lower()).startswith(_INJECTED) and lowered != replaced
    }
    headers |= _place("X-CloudTasks", queue_id, task_id, schedule_time)
    headers["X-CloudTasks-TaskRetryCount"] = str(attempts.dispatch_count)
    headers["X-CloudTasks-TaskExecutionCount"] = str(attempts.execution_count)
    if attempts.last is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(attempts.last.status)
        headers["X-CloudTasks-TaskRetryReason"] = ""  # present and empty, as captured
    if authorization is not None:
        headers["Authorization"] = authorization
    return headers


def app_engine_headers(
    stored: Mapping[str, str], *, queue_id: str, task_id: str, attempts: Attempts, schedule_time: float
) -> dict[str, str]:
    """The same for an App Engine task. Its stored `Content-Length` is left to what sends the body."""
    headers = {name: value for name, value in stored.items() if name.lower() != "content-length"}
    headers |= _place("X-AppEngine", queue_id, task_id, schedule_time)
    headers["X-AppEngine-TaskRetryCount"] = str(attempts.dispatch_count)
    headers["X-AppEngine-TaskExecutionCount"] = str(attempts.response_count)  # 5xx included
    if attempts.last is not None:
        answered = attempts.last.status != NO_RESPONSE
        headers["X-AppEngine-TaskPreviousResponse"] = str(attempts.last.status)
        headers["X-AppEngine-TaskRetryReason"] = "App Error" if answered else "Instance Unavailable"
    return headers


def _place(prefix: str, queue_id: str, task_id: str, schedule_time: float) -> dict[str, str]:
    return {
        f"{prefix}-QueueName": queue_id,
        f"{prefix}-TaskName": task_id,
        f"{prefix}-TaskETA": f"{schedule_time:.6f}",
    }


def is_settable(name: str) -> bool:
    """Whether a caller's header of this name is kept, rather than ignored or replaced by the service."""
    lowered = name.lower()
    return lowered not in _IGNORED and not lowered.startswith(_RESERVED)
