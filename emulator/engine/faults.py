"""Says which dispatches and writes go wrong on purpose, from rates and a given random; it breaks nothing.

For people who test what their code does when a queue repeats, loses, delays or reorders, or a process dies.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

RATES = ("duplicate", "drop", "reorder", "error_5xx")
MAX_DELAY = 3600.0
"""Seconds; a longer delay is a mistake."""


def _check_rate(name: str, rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"{name} must be a rate from 0 (never) to 1 (each time), not {rate}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong with dispatches and pushes. Rates are from 0 (never) to 1 (each time).

    Raises ValueError for a value out of bounds.
    """

    duplicate: float = 0.0
    """Sent twice at the same time; it counts as one attempt, which ends as the first of them."""
    drop: float = 0.0
    """Lost on the way: not sent, and counted as an attempt that met its deadline, which is not waited for."""
    reorder: float = 0.0
    """For a queue: what is due goes in random order. Pub/Sub orders nothing but ordering keys: no effect."""
    error_5xx: float = 0.0
    """Answered 503 without reaching the target."""
    delay: float = 0.0
    """Seconds for which each dispatch is held back; they count towards its deadline."""

    def __post_init__(self) -> None:
        for name in RATES:
            _check_rate(name, getattr(self, name))
        if not 0 <= self.delay <= MAX_DELAY:
            raise ValueError(f"delay must be from 0 to {MAX_DELAY:g} seconds, not {self.delay}")


class CrashPoint(StrEnum):
    """Where in a write the process dies; the call that wrote is never answered at either."""

    BEFORE_COMMIT = "before_commit"
    """What the call changed is lost."""
    AFTER_COMMIT = "after_commit"
    """What the call changed is on disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The process dies at a write to the store: at the `nth_write` from now (1: the next), or by `rate`.

    Writes are committed in groups; the group of the n-th one counts. Raises ValueError for a value out of
    bounds, or when not exactly one of `nth_write` and `rate` is given.
    """

    at: CrashPoint
    nth_write: int | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        if (self.nth_write is None) == (self.rate is None):
            raise ValueError("a crash needs either nth_write or rate")
        if self.nth_write is not None and self.nth_write < 1:
            raise ValueError(f"nth_write must be at least 1, the next write, not {self.nth_write}")
        if self.rate is not None:
            _check_rate("rate", self.rate)


NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Every switch: `everywhere`, and by full name those of single queues and subscriptions instead of it."""

    everywhere: Faults = NO_FAULTS
    named: Mapping[str, Faults] = field(default_factory=lambda: MappingProxyType({}))
    crash: Crash | None = None

    def of(self, name: str) -> Faults:
        return self.named.get(name, self.everywhere)


class Fate(StrEnum):
    """What becomes of one dispatch."""

    SENT = "sent"
    SENT_TWICE = "sent twice"
    LOST = "lost"
    REFUSED = "refused"


def fate(faults: Faults, chance: random.Random) -> Fate:
    """The fate of the next dispatch. Where several strike, it is lost rather than refused or sent twice."""
    if faults == NO_FAULTS:
        return Fate.SENT
    if strikes(faults.drop, chance):
        return Fate.LOST
    if strikes(faults.error_5xx, chance):
        return Fate.REFUSED
    return Fate.SENT_TWICE if strikes(faults.duplicate, chance) else Fate.SENT


def strikes(rate: float, chance: random.Random) -> bool:
    """True in `rate` of all cases."""
    return chance.random() < rate
