"""The headers of a dispatch: injected, overridden, never invented."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.engine.attempts import Attempts
from emulator.engine.exchange import End, Failure, FailureReason, Response
from emulator.engine.headers import (
    app_engine_headers,
    dispatch_headers,
    stored_app_engine_headers,
    stored_headers,
)

FIRST = Attempts()
ANSWERED = (503, 404, 429, 500, 302)
CAPTURED = [
    ("0", "0", None, None),
    ("1", "0", "503", ""),
    ("2", "1", "404", ""),
    ("3", "2", "429", ""),
    ("4", "2", "500", ""),
    ("5", "3", "302", ""),
]
"""What the attempts of a task were told in production, whose target answered so."""


def sent(
    stored: dict[str, str], attempts: Attempts = FIRST, authorization: str | None = None
) -> dict[str, str]:
    return dispatch_headers(
        stored,
        queue_id="webhooks",
        task_id="t-1",
        attempts=attempts,
        schedule_time=1_758_700_000.123456,
        authorization=authorization,
    )


def test_the_first_attempt_tells_queue_task_counts_and_eta() -> None:
    assert sent({}) == {
        "X-CloudTasks-QueueName": "webhooks",
        "X-CloudTasks-TaskName": "t-1",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": "1758700000.123456",
    }


def test_a_retry_tells_the_previous_response_and_an_empty_reason() -> None:
    attempts = FIRST.followed_by(Response(404), schedule_time=1.0, dispatch_time=1.0, response_time=2.0)
    headers = sent({}, attempts)
    assert headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert headers["X-CloudTasks-TaskExecutionCount"] == "1"
    assert headers["X-CloudTasks-TaskPreviousResponse"] == "404"
    assert headers["X-CloudTasks-TaskRetryReason"] == ""


def test_ignored_headers_are_not_stored_and_the_case_is_kept() -> None:
    given = {
        "hOST": "evil.example",
        "content-length": "7",
        "USER-agent": "mine",
        "X-Google-Thing": "1",
        "x-appengine-thing": "1",
        "X-cloudTasks-Thing": "1",
        "content-type": "text/plain",
        "X-Mine": "kept",
    }
    assert stored_headers(given) == {
        "content-type": "text/plain",
        "X-Mine": "kept",
        "User-Agent": "Google-Cloud-Tasks",
    }


def test_what_is_injected_wins_whatever_its_case() -> None:
    headers = sent(
        {"x-cloudtasks-taskretrycount": "99", "x-cloudtasks-other": "1", "AUTHORIZATION": "Basic mine"},
        authorization="Bearer token",
    )
    assert headers["X-CloudTasks-TaskRetryCount"] == "0"
    assert headers["Authorization"] == "Bearer token"
    assert not {"x-cloudtasks-taskretrycount", "x-cloudtasks-other", "AUTHORIZATION"} & headers.keys()


def test_an_authorization_of_the_caller_stays_where_there_is_no_token() -> None:
    assert sent({"Authorization": "Basic mine"})["Authorization"] == "Basic mine"


def after(*ends: End, app_engine: bool = False) -> Attempts:
    attempts = FIRST
    for end in ends:
        attempts = attempts.followed_by(
            end, schedule_time=1.0, dispatch_time=1.0, response_time=2.0, app_engine=app_engine
        )
    return attempts


TIMEOUT = Failure(FailureReason.TIMEOUT, "too slow")


def told(headers: Mapping[str, str], prefix: str) -> tuple[str | None, ...]:
    names = ("RetryCount", "ExecutionCount", "PreviousResponse", "RetryReason")
    return tuple(headers.get(f"{prefix}-Task{name}") for name in names)


def test_the_captured_table_of_http_targets() -> None:
    rows = [
        told(sent({}, after(*map(Response, ANSWERED[:count]))), "X-CloudTasks")
        for count in range(len(ANSWERED) + 1)
    ]
    assert rows == CAPTURED
    assert told(sent({}, after(TIMEOUT)), "X-CloudTasks") == ("1", "0", "504", "")


def sent_to_app_engine(stored: dict[str, str], attempts: Attempts) -> dict[str, str]:
    return app_engine_headers(
        stored, queue_id="webhooks", task_id="t-1", attempts=attempts, schedule_time=1_758_700_000.5
    )


def test_app_engine_counts_every_response_and_says_why() -> None:
    ends = (Response(503), Response(404), Response(500), TIMEOUT)
    rows = [
        told(sent_to_app_engine({}, after(*ends[:count], app_engine=True)), "X-AppEngine")
        for count in range(len(ends) + 1)
    ]
    assert rows == [
        ("0", "0", None, None),
        ("1", "1", "503", "App Error"),
        ("2", "2", "404", "App Error"),
        ("3", "3", "500", "App Error"),
        ("4", "3", "0", "Instance Unavailable"),
    ]


def test_app_engine_headers_are_the_stored_and_the_injected() -> None:
    stored = stored_app_engine_headers(
        {"x-mine": "1", "content-LENGTH": "9", "x-CloudTasks-X": "1"}, body_length=3
    )
    assert stored == {
        "x-mine": "1",
        "User-Agent": "AppEngine-Google; (+http://code.google.com/appengine)",
        "Content-Length": "3",
        "Content-Type": "application/octet-stream",
    }
    assert sent_to_app_engine(stored, FIRST) == {
        "x-mine": "1",
        "User-Agent": "AppEngine-Google; (+http://code.google.com/appengine)",
        "Content-Type": "application/octet-stream",
        "X-AppEngine-QueueName": "webhooks",
        "X-AppEngine-TaskName": "t-1",
        "X-AppEngine-TaskETA": "1758700000.500000",
        "X-AppEngine-TaskRetryCount": "0",
        "X-AppEngine-TaskExecutionCount": "0",
    }
