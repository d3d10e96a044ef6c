"""What is compared: how a backend called others before and how with a lane, while the others behave so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pattern:
    name: str
    way: str
    """Of `tests.load.ways`."""


OURS = Pattern("a lane", "lane")
ORIGINALS = (
    Pattern("requests in async def", "requests"),
    Pattern("thread and join", "join"),
    Pattern("to_thread, shared pool", "to-thread"),
    Pattern("a client per call", "client-per-call"),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """How the downstream behaves."""

    name: str
    delay: float = 0.0
    """Seconds before each answer."""
    is_parked: bool = False
    """It takes requests and never answers."""


FAST = Condition("5 ms", delay=0.005)
SLOW = Condition("1 s", delay=1.0)
PARKED = Condition("parked", is_parked=True)
VERY_SLOW = Condition("15 s", delay=15.0)
CONDITIONS = (FAST, SLOW, PARKED)
