"""The headers of a dispatch: injected, overridden, never invented."""

from __future__ import annotations

from emulator.engine.attempts import Attempts
from emulator.engine.exchange import Response
from emulator.engine.headers import dispatch_headers, stored_headers

FIRST = Attempts()


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
