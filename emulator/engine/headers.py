"""Makes the headers of a task: those that are stored with it and those that its dispatch carries."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.engine.attempts import Attempts

USER_AGENT = "Google-Cloud-Tasks"

_IGNORED = frozenset({"host", "content-length", "user-agent"})
_RESERVED = ("x-google-", "x-appengine-")
_INJECTED = "x-cloudtasks-"


def stored_headers(given: Mapping[str, str]) -> dict[str, str]:
    """The headers a task keeps: the caller's, in the caller's case, but those that the service ignores."""
    kept = {name: value for name, value in given.items() if not _is_ignored(name.lower())}
    kept["User-Agent"] = USER_AGENT
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
    headers |= {
        "X-CloudTasks-QueueName": queue_id,
        "X-CloudTasks-TaskName": task_id,
        "X-CloudTasks-TaskRetryCount": str(attempts.dispatch_count),
        "X-CloudTasks-TaskExecutionCount": str(attempts.execution_count),
        "X-CloudTasks-TaskETA": f"{schedule_time:.6f}",
    }
    if attempts.last is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(attempts.last.status)
        headers["X-CloudTasks-TaskRetryReason"] = ""  # present and empty, as captured
    if authorization is not None:
        headers["Authorization"] = authorization
    return headers


def _is_ignored(lowered: str) -> bool:
    return lowered in _IGNORED or lowered.startswith(_RESERVED)
