"""What the test asserts, in its order, and what of it did not hold; it measures nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.load.client import Seen


class Assertion(StrEnum):
    CAUSAL = "causal"
    """While the downstream holds, requests that do not need it end, and no more are held than declared."""
    ISOLATION = "isolation"
    """One target's trouble is not another's."""
    BOUNDED = "bounded"
    """Threads, memory and queues stay as they were declared."""
    RECOVERY = "recovery"
    """Once the downstream is well, all drains and nothing is left behind."""
    RATIO = "ratio"
    """Requests that do not need the downstream are no slower while it is slow."""
    LAG = "lag"
    """The lag probe saw no stall."""
    DRAIN = "drain"
    """A SIGTERM ends the process in time, and the log says what was left."""


@dataclass(slots=True)
class Verdicts:
    """Of one app. `where` is the part of the test that runs."""

    where: str = ""
    checked: int = 0
    found: list[tuple[Assertion, str]] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    """How the requests ended that the downstream held, or should have."""

    def hold(self, assertion: Assertion, holds: bool, otherwise: str) -> None:
        self.checked += 1
        if not holds:
            self.found.append((assertion, f"{self.where}: {otherwise}"))

    def same(self, assertion: Assertion, what: str, value: float, expected: float) -> None:
        self.hold(assertion, value == expected, f"{what} is {value:g}, not {expected:g}")

    def all_good(self, assertion: Assertion, what: str, seen: Iterable[Seen]) -> None:
        ends = Counter(map(str, seen))
        self.hold(assertion, ends.keys() <= {"200"}, f"{what} ended so: {told(ends)}")

    def all_refused(self, assertion: Assertion, what: str, seen: Iterable[Seen], error: str) -> None:
        ends = Counter(map(str, seen))
        self.hold(
            assertion, ends.keys() == {f"503 {error}"}, f"{what} ended so, not in {error}: {told(ends)}"
        )

    @property
    def failed(self) -> frozenset[Assertion]:
        return frozenset(assertion for assertion, _ in self.found)


def told(ends: Counter[str]) -> str:
    return ", ".join(f"{count} × {end}" for end, count in ends.most_common())
