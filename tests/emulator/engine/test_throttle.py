"""How far and how long a queue slows down, and for whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engine.dispatch_queue import DispatchQueue
from emulator.engine.exchange import End, Failure, FailureReason, Response
from emulator.engine.retry_after import seconds_of
from emulator.engine.settings import RateLimits, RetryConfig
from emulator.engine.throttle import FLOOR, Throttle, is_overload, wait_asked_for

NOW = 1_758_700_000.0


def test_each_cut_halves_and_a_second_has_one() -> None:
    throttle = Throttle()
    assert throttle.share(NOW) == 1
    throttle.cut(NOW)
    throttle.cut(NOW + 0.5)
    assert throttle.share(NOW) == 0.5
    throttle.cut(NOW + 1)
    assert throttle.share(NOW + 1) == pytest.approx(0.26)


def test_it_recovers_at_a_steady_pace() -> None:
    throttle = Throttle()
    throttle.cut(NOW)
    assert throttle.share(NOW + 5) == pytest.approx(0.6)
    assert throttle.share(NOW + 15) == pytest.approx(0.8)
    assert throttle.share(NOW + 25) == 1


@given(st.lists(st.floats(0, 10), max_size=60))
def test_the_share_never_leaves_its_bounds(waits: list[float]) -> None:
    throttle, now = Throttle(), NOW
    for wait in waits:
        now += wait
        throttle.cut(now)
        assert FLOOR <= throttle.share(now) <= 1
    assert throttle.share(now + 50) == 1


@pytest.mark.parametrize(
    ("end", "http", "app_engine"),
    [
        (Response(429), True, False),
        (Response(503), True, True),
        (Response(500), False, False),
        (Response(200), False, False),
        (Failure(FailureReason.TIMEOUT, ""), False, False),
    ],
)
def test_which_ends_slow_down(end: End, http: bool, app_engine: bool) -> None:
    assert is_overload(end, app_engine=False) is http
    assert is_overload(end, app_engine=True) is app_engine


@pytest.mark.parametrize(
    ("end", "seconds"),
    [
        (Response(503, retry_after=90), 90),
        (Response(429, retry_after=90), 90),
        (Response(500, retry_after=90), 0),
        (Response(503), 0),
        (Response(503, retry_after=1e9), 7200),
        (Failure(FailureReason.UNREACHABLE, ""), 0),
    ],
)
def test_how_long_a_task_is_held_back(end: End, seconds: float) -> None:
    assert wait_asked_for(end, RetryConfig(max_backoff=7200)) == seconds
    assert wait_asked_for(end, RetryConfig(max_backoff=1)) == min(seconds, 3600)


def test_a_throttled_queue_dispatches_at_its_effective_rate() -> None:
    queue = DispatchQueue(RateLimits(max_dispatches_per_second=100), paused=False, now=NOW)
    for task in range(1000):
        queue.add(task, NOW)
    queue.slow_down(NOW)
    assert queue.effective_rate(NOW) == 50
    assert len(queue.take(NOW, slots=1000)) == 50  # the burst shrinks as the rate does
    assert queue.look_again_at(NOW) == pytest.approx(NOW + 1 / 50, abs=1e-4)
    taken = 0
    for step in range(1, 101):
        taken += len(queue.take(NOW + step / 100, slots=1000))
    assert 49 <= taken <= 52
    assert queue.effective_rate(NOW + 60) == 100
    queue.take(NOW + 60, slots=1000)
    assert len(queue.take(NOW + 62, slots=1000)) == 100


def test_a_queue_of_a_low_rate_is_looked_at_as_it_recovers() -> None:
    queue = DispatchQueue(RateLimits(max_dispatches_per_second=0.1, max_burst_size=1), paused=False, now=NOW)
    queue.add(1, NOW)
    queue.add(2, NOW)
    queue.slow_down(NOW)
    assert queue.take(NOW, slots=9) == [(1, NOW)]
    now = NOW
    while not queue.take(now, slots=9):
        again = queue.look_again_at(now)
        assert again is not None
        assert now < again <= now + 1
        now = again
    assert NOW + 10 < now < NOW + 20


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        (" 120 ", 120),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("soon", None),
        ("Wed, 24 Sep 2025 07:47:20 GMT", 600),
        ("Wed, 24 Sep 2025 07:46:40 GMT", 560),
        ("Wed, 24 Sep 2003 07:46:40 GMT", 0),
        ("Wed, 99 Sep 2025 07:46:40 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert seconds_of(value, now=1_758_699_440.0) == seconds
