"""Holds what a task may be: its target, times and size, in the service's words where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

from emulator.errors import InvalidArgumentError

MAX_STORED_BYTES = 2**20 - 7
"""The largest task, measured on its stored form: name, times, default deadline and headers included."""
MAX_URL_LENGTH = 2083
MAX_HEADER_BYTES = 80 * 1024
MAX_SCHEDULE_AHEAD = 30 * 24 * 3600
DISPATCH_DEADLINE = 600.0
DISPATCH_DEADLINE_RANGE = (15.0, 1800.0)
APP_ENGINE_DEADLINE_RANGE = (15.0, 86_415.0)

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def check_url(url: str, *, optional: bool = False) -> None:
    """A bad escape passes, as in production: it fails at dispatch. Raises InvalidArgumentError."""
    if not url:
        if optional:
            return
        raise InvalidArgumentError("HttpRequest.url is required.")
    if not url.startswith(("http://", "https://")):
        raise InvalidArgumentError("HttpTarget.url must start with 'http://' or 'https://'.")
    check_encoded_length(url, "HttpRequest.url")


def check_encoded_length(url: str, field: str) -> None:
    """Raises InvalidArgumentError for one that is too long once everything is escaped that has to be."""
    if 12 * len(url) <= MAX_URL_LENGTH:  # a character is at most four escaped bytes
        return
    if len(quote(url, safe="%:/?#[]@!$&'()*+,;=")) > MAX_URL_LENGTH:
        raise InvalidArgumentError(f"{field} must be at most {MAX_URL_LENGTH} characters.")


def check_body(method: str, body: bytes) -> None:
    """Raises InvalidArgumentError."""
    if body and method not in _WITH_BODY:
        raise InvalidArgumentError(
            "HttpRequest.body is allowed only if the HTTP method is POST, PUT, or PATCH."
        )


def check_headers(headers: Mapping[str, str], field: str = "HttpRequest.headers") -> None:
    """Raises InvalidArgumentError."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in headers.items())
    if size >= MAX_HEADER_BYTES:
        raise InvalidArgumentError(f"{field} must be less than 80 KB.")


def check_dispatch_deadline(seconds: float, *, app_engine: bool = False) -> None:
    """Raises InvalidArgumentError."""
    shortest, longest = APP_ENGINE_DEADLINE_RANGE if app_engine else DISPATCH_DEADLINE_RANGE
    if not shortest <= seconds <= longest:
        words = "[15s, 24h15s]" if app_engine else "[15s, 30m]"
        raise InvalidArgumentError(f"Task.dispatchDeadline must be between {words}.")


def check_schedule_time(seconds: float, *, now: float) -> None:
    """Raises InvalidArgumentError."""
    if seconds > now + MAX_SCHEDULE_AHEAD:
        moment = _in_pacific_time(seconds)
        raise InvalidArgumentError(
            f"The Task.scheduleTime, {moment.isoformat(timespec='seconds')}, is too far in the future. "
            f"Schedule time must be no more than 720h in the future."
        )


def check_stored_size(size: int) -> None:
    """Raises InvalidArgumentError."""
    if size > MAX_STORED_BYTES:
        raise InvalidArgumentError("Task size too large")


def _in_pacific_time(seconds: float) -> datetime:
    """US Pacific time, in which the service words its errors; by the rule of 2007, without zone data."""
    moment = datetime.fromtimestamp(seconds, UTC)
    begin = _sunday_on_or_after(datetime(moment.year, 3, 8, 10, tzinfo=UTC))
    end = _sunday_on_or_after(datetime(moment.year, 11, 1, 9, tzinfo=UTC))
    return moment.astimezone(timezone(timedelta(hours=-7 if begin <= moment < end else -8)))


def _sunday_on_or_after(day: datetime) -> datetime:
    return day + timedelta(days=6 - day.weekday())
