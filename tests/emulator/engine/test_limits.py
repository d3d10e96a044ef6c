"""What a task may be: each bound from both sides."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from emulator.engine import limits
from emulator.errors import InvalidArgumentError

NOW = datetime(2025, 11, 25, 12, tzinfo=UTC).timestamp()
THIRTY_DAYS = 30 * 24 * 3600


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "HttpRequest.url is required."),
        ("ftp://example.com", "HttpTarget.url must start with 'http://' or 'https://'."),
        ("example.com", "HttpTarget.url must start with 'http://' or 'https://'."),
        ("http://h/" + "a" * 2075, "HttpRequest.url must be at most 2083 characters."),
        ("http://h/" + "ä" * 400, "HttpRequest.url must be at most 2083 characters."),
    ],
)
def test_a_bad_url(url: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        limits.check_url(url)
    assert caught.value.message == message


@pytest.mark.parametrize("url", ["http://h", "https://h/%zz", "http://h/" + "a" * 2074, "http://h/ä"])
def test_a_url_that_passes_is_not_looked_into(url: str) -> None:
    limits.check_url(url)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_body_needs_a_method_that_has_one(method: str) -> None:
    limits.check_body(method, b"")
    with pytest.raises(InvalidArgumentError, match="only if the HTTP method is POST, PUT, or PATCH"):
        limits.check_body(method, b"x")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_methods_that_have_a_body(method: str) -> None:
    limits.check_body(method, b"x")


def test_headers_stay_under_80_kb() -> None:
    limits.check_headers({"X": "v" * (80 * 1024 - 2)})
    with pytest.raises(InvalidArgumentError, match="less than 80 KB"):
        limits.check_headers({"X": "v" * (80 * 1024 - 1)})


def test_the_dispatch_deadline_has_a_range() -> None:
    for seconds in (15, 600.5, 1800):
        limits.check_dispatch_deadline(seconds)
    for seconds in (0, 14.999, 1800.001, -1):
        with pytest.raises(InvalidArgumentError) as caught:
            limits.check_dispatch_deadline(seconds)
        assert caught.value.message == "Task.dispatchDeadline must be between [15s, 30m]."


def test_a_task_is_scheduled_at_most_thirty_days_ahead() -> None:
    limits.check_schedule_time(NOW + THIRTY_DAYS, now=NOW)
    with pytest.raises(InvalidArgumentError) as caught:
        limits.check_schedule_time(NOW + THIRTY_DAYS + 1, now=NOW)
    assert caught.value.message == (
        "The Task.scheduleTime, 2025-12-25T04:00:01-08:00, is too far in the future. "
        "Schedule time must be no more than 720h in the future."
    )


@pytest.mark.parametrize(
    "day", [f"2026-{month:02}-{day:02}" for month in (3, 7, 11) for day in (1, 8, 9, 30)]
)
@pytest.mark.parametrize("hour", [8, 9, 10, 11])
def test_the_time_in_the_error_is_us_pacific(day: str, hour: int) -> None:
    moment = datetime.fromisoformat(f"{day}T{hour:02}:00:00+00:00")
    pacific = moment.astimezone(ZoneInfo("America/Los_Angeles")).isoformat()
    with pytest.raises(InvalidArgumentError, match=re.escape(f"The Task.scheduleTime, {pacific}, is")):
        limits.check_schedule_time(moment.timestamp(), now=0)


def test_the_size_law() -> None:
    limits.check_stored_size(1_048_569)
    with pytest.raises(InvalidArgumentError) as caught:
        limits.check_stored_size(1_048_570)
    assert caught.value.message == "Task size too large"
