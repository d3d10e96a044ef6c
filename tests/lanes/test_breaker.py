"""A circuit breaker: when it opens, whom it admits half-open, which verdicts count."""

from __future__ import annotations

import asyncio

import pytest

from lanes import Attempt, BreakerOpen, BreakerSettings, CircuitBreakers, Phase
from tests.lanes.breaker_calls import TARGET, fail, phase, succeed
from tests.lanes.hand_clock import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def breakers(clock: HandClock) -> CircuitBreakers:
    return CircuitBreakers(clock=clock)


def admitted_of(breakers: CircuitBreakers, calls: int) -> list[Attempt]:
    attempts = []
    for _ in range(calls):
        try:
            attempts.append(breakers.admit(TARGET))
        except BreakerOpen:
            continue
    return attempts


def test_five_failures_in_a_row_open_it_for_thirty_seconds(
    breakers: CircuitBreakers, clock: HandClock
) -> None:
    fail(breakers, 4)
    assert breakers.retry_at(TARGET) is None
    fail(breakers)
    clock.advance(10)
    with pytest.raises(BreakerOpen, match=r"'https://hooks.example'.*come back in 20 s") as refused:
        breakers.admit(TARGET)
    assert refused.value.retry_at == clock.now + 20 == breakers.retry_at(TARGET)
    assert refused.value.retry_after == 20
    clock.advance(20)
    assert breakers.retry_at(TARGET) is None
    succeed(breakers)
    assert phase(breakers) is Phase.CLOSED


def test_a_success_wipes_out_the_failures_before_it(breakers: CircuitBreakers) -> None:
    for _ in range(3):
        fail(breakers, 4)
        succeed(breakers)
    assert phase(breakers) is Phase.CLOSED


def test_of_a_hundred_calls_into_a_half_open_breaker_one_passes(
    breakers: CircuitBreakers, clock: HandClock
) -> None:
    fail(breakers, 5)
    clock.advance(30)
    (probe,) = admitted_of(breakers, 100)
    probe.failed()
    assert admitted_of(breakers, 100) == []
    clock.advance(30)
    (probe,) = admitted_of(breakers, 100)
    probe.succeeded()
    assert len(admitted_of(breakers, 100)) == 100


async def test_a_cancelled_probe_gives_its_place_to_the_next(
    breakers: CircuitBreakers, clock: HandClock
) -> None:
    fail(breakers, 5)
    clock.advance(30)
    sending = asyncio.Event()

    async def probe() -> None:
        with breakers.admit(TARGET):
            sending.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(probe())
    await sending.wait()
    assert admitted_of(breakers, 10) == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(admitted_of(breakers, 10)) == 1


def test_an_error_that_nobody_judged_says_nothing_of_the_target(breakers: CircuitBreakers) -> None:
    for _ in range(20):
        with pytest.raises(ZeroDivisionError), breakers.admit(TARGET):
            raise ZeroDivisionError
    assert breakers.state(TARGET).failures == 0


def test_a_lost_probe_does_not_wedge_the_target(breakers: CircuitBreakers, clock: HandClock) -> None:
    fail(breakers, 5)
    clock.advance(30)
    lost = breakers.admit(TARGET)
    clock.advance(29)
    assert breakers.retry_at(TARGET) == clock.now + 1
    clock.advance(1)
    probe = breakers.admit(TARGET)
    lost.failed()
    assert phase(breakers) is Phase.HALF_OPEN, "the lost one's verdict came too late"
    probe.succeeded()
    assert phase(breakers) is Phase.CLOSED


def test_calls_that_end_after_their_phase_change_nothing(breakers: CircuitBreakers, clock: HandClock) -> None:
    under_way = admitted_of(breakers, 40)
    for attempt in under_way[:5]:
        attempt.failed()
    opened = breakers.state(TARGET)
    under_way[5].failed()
    under_way[6].succeeded()
    assert breakers.state(TARGET) == opened
    clock.advance(30)
    succeed(breakers)
    for attempt in under_way[7:]:
        attempt.failed()
    assert phase(breakers) is Phase.CLOSED


def test_the_first_verdict_stands(breakers: CircuitBreakers) -> None:
    for _ in range(5):
        with breakers.admit(TARGET) as attempt:
            attempt.failed()
            attempt.succeeded()
    assert phase(breakers) is Phase.OPEN


def test_a_share_of_failures_in_the_window_opens_it(clock: HandClock) -> None:
    settings = BreakerSettings(failure_rate=0.5, minimum_calls=10, window=60)
    breakers = CircuitBreakers(settings, clock=clock)
    for _ in range(4):
        fail(breakers)
        succeed(breakers)
    fail(breakers)
    assert phase(breakers) is Phase.CLOSED, "nine calls say nothing"
    fail(breakers)
    assert phase(breakers) is Phase.OPEN


def test_failures_fade_out_of_the_window(clock: HandClock) -> None:
    settings = BreakerSettings(failure_rate=0.5, minimum_calls=10, window=60, consecutive_failures=100)
    breakers = CircuitBreakers(settings, clock=clock)
    succeed(breakers)
    fail(breakers, 8)
    clock.advance(90)  # half of the earlier window's nine calls count: 4.5
    fail(breakers, 5)
    assert phase(breakers) is Phase.CLOSED, "9.5 calls say nothing"
    fail(breakers)
    assert phase(breakers) is Phase.OPEN
    clock.advance(30)
    succeed(breakers)
    fail(breakers, 9)
    clock.advance(120)
    fail(breakers, 9)
    assert phase(breakers) is Phase.CLOSED, "two windows on, nothing is left"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"consecutive_failures": 0}, "at least 1"),
        ({"failure_rate": 50.0}, "a share"),
        ({"open_for": 0.0}, "seconds above 0"),
    ],
)
def test_settings_without_sense_are_refused(settings: dict[str, float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        BreakerSettings(**settings)  # type: ignore[arg-type]
