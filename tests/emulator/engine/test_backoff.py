"""The retry schedule and the stop rule, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.engine.backoff import gives_up, interval
from emulator.engine.settings import RetryConfig

WORKED_EXAMPLE = RetryConfig(min_backoff=10, max_backoff=300, max_doublings=3)

retries = st.builds(
    RetryConfig,
    min_backoff=st.floats(0.001, 1e6),
    max_backoff=st.floats(1e6, 1e9),
    max_doublings=st.integers(1, 2**31 - 1),
)


def test_the_worked_example_of_the_protos() -> None:
    intervals = [interval(WORKED_EXAMPLE, failures) for failures in range(1, 9)]
    assert intervals == [10, 20, 40, 80, 160, 240, 300, 300]


def test_the_default_schedule() -> None:
    retry = RetryConfig()
    assert [interval(retry, failures) for failures in (1, 2, 3)] == [0.1, 0.2, 0.4]
    assert interval(retry, 16) == pytest.approx(3276.8)
    assert [interval(retry, failures) for failures in (17, 18)] == [3600, 3600]


@given(retries, st.integers(1, 2**31 - 1))
def test_an_interval_never_shrinks_nor_leaves_its_bounds(retry: RetryConfig, failures: int) -> None:
    first, second = interval(retry, failures), interval(retry, failures + 1)
    assert retry.min_backoff <= first <= second <= retry.max_backoff


@pytest.mark.parametrize(
    ("max_attempts", "max_retry_duration", "attempts", "elapsed", "stops"),
    [
        (3, 0, 2, 10_000, False),
        (3, 0, 3, 0, True),
        (3, 60, 3, 59, False),
        (3, 60, 2, 60, False),
        (3, 60, 3, 60, True),
        (3, 60, 9, 60, True),
        (-1, 60, 1, 60, True),
        (-1, 60, 1000, 59, False),
        (-1, 0, 1_000_000, 1e9, False),
    ],
)
def test_the_stop_rule_needs_every_limit_that_is_set(
    max_attempts: int, max_retry_duration: float, attempts: int, elapsed: float, stops: bool
) -> None:
    retry = RetryConfig(max_attempts=max_attempts, max_retry_duration=max_retry_duration)
    assert gives_up(retry, attempts=attempts, first_attempt_at=1000.0, now=1000.0 + elapsed) is stops
