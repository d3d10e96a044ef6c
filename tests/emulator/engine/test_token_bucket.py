"""The token bucket against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engine.token_bucket import TokenBucket

NOW = 1_758_700_000.0


def taken(bucket: TokenBucket, now: float) -> int:
    count = 0
    while bucket.take(now):
        count += 1
    return count


def test_it_starts_full_and_refills_continuously() -> None:
    bucket = TokenBucket(rate=50, burst=100, now=NOW)
    assert taken(bucket, NOW) == 100
    assert taken(bucket, NOW + 0.5) == 25
    assert taken(bucket, NOW + 100) == 100


def test_a_rate_may_be_a_fraction() -> None:
    bucket = TokenBucket(rate=0.1, burst=1, now=NOW)
    assert taken(bucket, NOW) == 1
    assert bucket.next_token_at(NOW) == NOW + 10
    assert taken(bucket, NOW + 9.9) == 0
    assert taken(bucket, NOW + 10) == 1


def test_another_rate_keeps_the_tokens_that_are_there() -> None:
    bucket = TokenBucket(rate=1, burst=100, now=NOW)
    for _ in range(95):
        assert bucket.take(NOW)
    bucket.change(rate=10, burst=100, now=NOW + 1)
    assert taken(bucket, NOW + 1) == 6
    assert taken(bucket, NOW + 2) == 10


def test_a_clock_set_back_adds_nothing_and_holds_nothing_up_for_long() -> None:
    bucket = TokenBucket(rate=1, burst=1, now=NOW)
    assert taken(bucket, NOW) == 1
    assert taken(bucket, NOW - 3600) == 0
    assert taken(bucket, NOW - 3599) == 1


@pytest.mark.parametrize("rate", [0.3, 7, 50, 333.3, 500])
def test_waiting_for_the_next_token_is_never_in_vain(rate: float) -> None:
    bucket, now = TokenBucket(rate=rate, burst=1, now=NOW), NOW
    assert bucket.take(now)
    for _ in range(1000):
        now = bucket.next_token_at(now)
        assert bucket.take(now)
    assert (now - NOW) * rate == pytest.approx(1000, rel=0.001)


@given(st.floats(0.01, 500), st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_it_never_gives_more_than_burst_and_rate_allow(rate: float, steps: list[float]) -> None:
    bucket, now, total = TokenBucket(rate=rate, burst=100, now=NOW), NOW, 0
    for step in steps:
        now += step
        total += taken(bucket, now)
        assert total <= 100 + rate * (now - NOW) + 0.01
