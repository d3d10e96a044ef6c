"""How often a caller may call: a burst, then steadily; each for itself, in bounded memory."""

from __future__ import annotations

import pytest

from producers import TooManyRequests
from producers.rate_limit import LIMITS, MAX_CALLERS, Group, RateLimit, RateLimiter


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> RateLimiter:
    return RateLimiter({Group.SIGN_IN: RateLimit(per_second=0.5, burst=3)}, clock=clock)


def test_after_its_burst_a_caller_has_its_rate(limiter: RateLimiter, clock: Clock) -> None:
    assert [limiter.take(Group.SIGN_IN, "ada").left for _ in range(3)] == [2, 1, 0]
    with pytest.raises(TooManyRequests) as over:
        limiter.take(Group.SIGN_IN, "ada")
    assert over.value.wait == pytest.approx(2)
    assert over.value.headers["RateLimit-Policy"] == '"sign-in";q=3;w=6'
    clock.now += over.value.wait
    assert limiter.take(Group.SIGN_IN, "ada").left == 0
    clock.now += 60
    assert limiter.take(Group.SIGN_IN, "ada").left == 2


def test_a_refusal_does_not_push_the_caller_back(limiter: RateLimiter, clock: Clock) -> None:
    for _ in range(3):
        limiter.take(Group.SIGN_IN, "ada")
    for _ in range(50):
        with pytest.raises(TooManyRequests):
            limiter.take(Group.SIGN_IN, "ada")
    clock.now += 2
    limiter.take(Group.SIGN_IN, "ada")


def test_callers_and_groups_do_not_count_for_each_other(limiter: RateLimiter) -> None:
    for _ in range(3):
        limiter.take(Group.SIGN_IN, "ada")
    assert limiter.take(Group.SIGN_IN, "bob").left == 2
    assert limiter.take(Group.EVENTS, "ada").left == LIMITS[Group.EVENTS].burst - 1


def test_memory_is_bounded_whoever_calls(limiter: RateLimiter) -> None:
    for number in range(MAX_CALLERS + 500):
        limiter.take(Group.SIGN_IN, f"caller-{number}")
    statistics = limiter.statistics()[Group.SIGN_IN]
    assert (statistics.targets, statistics.untracked) == (MAX_CALLERS, 500)
