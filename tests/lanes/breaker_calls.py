"""Calls through a breaker, as tests make them."""

from __future__ import annotations

from lanes import CircuitBreakers, Phase

TARGET = "https://hooks.example"


def fail(breakers: CircuitBreakers, times: int = 1, target: str = TARGET) -> None:
    for _ in range(times):
        with breakers.admit(target) as attempt:
            attempt.failed()


def succeed(breakers: CircuitBreakers, times: int = 1, target: str = TARGET) -> None:
    for _ in range(times):
        with breakers.admit(target) as attempt:
            attempt.succeeded()


def phase(breakers: CircuitBreakers, target: str = TARGET) -> Phase:
    return breakers.state(target).phase
