"""What the end of an attempt means, and how attempts are counted."""

from __future__ import annotations

import pytest

from emulator.engine.attempts import Attempts, Completed, Exhausted, RetryAt, judge
from emulator.engine.exchange import End, Failure, FailureReason, Response
from emulator.engine.settings import RetryConfig

TIMEOUT = Failure(FailureReason.TIMEOUT, "15 s")
REFUSED = Failure(FailureReason.UNREACHABLE, "connection refused")


def after(attempts: Attempts, end: End, *, at: float = 0.0) -> Attempts:
    return attempts.followed_by(end, schedule_time=at, dispatch_time=at, response_time=at + 1)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_completes(status: int) -> None:
    end = Response(status)
    assert judge(end, after(Attempts(), end), RetryConfig(), now=1.0) == Completed()


@pytest.mark.parametrize(
    "end", [*map(Response, (100, 199, 300, 302, 304, 400, 404, 410, 429, 500, 503)), TIMEOUT, REFUSED]
)
def test_anything_else_is_a_failure_and_waits_from_now_on(end: End) -> None:
    retry = RetryConfig(min_backoff=10)
    assert judge(end, after(Attempts(), end), retry, now=600.0) == RetryAt(610.0)


def test_the_last_attempt_exhausts_the_task() -> None:
    retry, attempts = RetryConfig(max_attempts=2, min_backoff=1), Attempts()
    attempts = after(attempts, Response(500))
    assert judge(Response(500), attempts, retry, now=1.0) == RetryAt(2.0)
    attempts = after(attempts, Response(500), at=2.0)
    assert judge(Response(500), attempts, retry, now=3.0) == Exhausted()


def test_the_retry_duration_is_counted_from_the_first_attempt() -> None:
    retry, attempts = RetryConfig(max_attempts=-1, max_retry_duration=60), Attempts()
    attempts = after(attempts, Response(500), at=100.0)
    attempts = after(attempts, Response(500), at=150.0)
    assert isinstance(judge(Response(500), attempts, retry, now=159.9), RetryAt)
    assert judge(Response(500), attempts, retry, now=160.0) == Exhausted()


@pytest.mark.parametrize(
    ("end", "responses", "executions", "previous"),
    [
        (Response(404), 1, 1, 404),
        (Response(429), 1, 1, 429),
        (Response(302), 1, 1, 302),
        (Response(500), 1, 0, 500),
        (Response(503), 1, 0, 503),
        (TIMEOUT, 0, 0, 504),
        (REFUSED, 0, 0, 503),
    ],
)
def test_executions_leave_out_5xx_and_what_was_not_answered(
    end: End, responses: int, executions: int, previous: int
) -> None:
    attempts = after(Attempts(), end, at=7.0)
    assert attempts.dispatch_count == 1
    assert (attempts.response_count, attempts.execution_count) == (responses, executions)
    assert attempts.first_dispatch_time == 7.0
    assert attempts.last is not None
    assert attempts.last.status == previous
    assert after(attempts, end, at=9.0).first_dispatch_time == 7.0


def test_a_forced_attempt_lets_the_task_wait_from_the_call_on() -> None:
    retry = RetryConfig(min_backoff=10)
    verdict = judge(REFUSED, after(Attempts(), REFUSED), retry, now=600.0, forced_at=100.0)
    assert verdict == RetryAt(110.0)


def test_the_first_of_two_attempts_at_once_may_end_last() -> None:
    later = after(Attempts(), Response(500), at=7.0)
    assert after(later, Response(500), at=5.0).first_dispatch_time == 5.0


def test_why_there_was_no_response_is_kept_in_short() -> None:
    last = after(Attempts(), Failure(FailureReason.UNREACHABLE, "x" * 1000)).last
    assert last is not None
    assert last.detail == "x" * 300
