"""Counts the time in which an event loop ran nothing, by cause; pure, and it measures nothing itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

_BUSY = 0.25
"""Share of a stall that the loop's thread spent computing, from which on that was its cause. Measured on
asyncio and uvloop: 0 in `time.sleep`, 1 in a busy loop, and less where others compete for the cores."""
_LATE = 0.5
"""Share of a stall by which the prober was late, too, from which on nobody was let run."""


class Cause(StrEnum):
    """Why a loop did not run."""

    BLOCKED = "blocked"
    """Its thread waited in a blocking call."""
    CPU = "cpu"
    """Its thread computed."""
    STARVED = "starved"
    """Its thread could have run and was not let: by the GIL, or by the machine. The prober was late too."""
    UNKNOWN = "unknown"
    """This platform does not tell a thread's CPU time."""


def cause_of(*, duration: float, cpu_seconds: float | None, prober_late: float) -> Cause:
    """Why a loop stalled for `duration` seconds in which its thread used `cpu_seconds`.

    `prober_late`: seconds by which the probing thread, which only sleeps, woke up too late meanwhile, all in
    all.
    """
    if cpu_seconds is None:
        return Cause.UNKNOWN
    if cpu_seconds >= _BUSY * duration:
        return Cause.CPU
    return Cause.STARVED if prober_late >= _LATE * duration else Cause.BLOCKED


@dataclass(slots=True)
class Lateness:
    """Seconds so far in which a thread should have run and was not let; those of two delays count once."""

    seconds: float = 0.0
    counted_until: float = float("-inf")

    def add(self, intended: float, woke: float) -> None:
        self.seconds += max(0.0, woke - max(intended, self.counted_until))
        self.counted_until = woke


@dataclass(slots=True)
class Stalls:
    """Stalls so far, each counted once however many probes met it. Times are seconds of one clock."""

    count: Counter[Cause] = field(default_factory=Counter)
    seconds: dict[Cause, float] = field(default_factory=lambda: dict.fromkeys(Cause, 0.0))
    counted_until: float = float("-inf")

    def add(self, start: float, end: float, cause: Cause) -> bool:
        """The loop ran nothing from `start` to `end`; what of it is counted already is passed over.

        Returns whether a stall begins here, rather than one that was counted going on.
        """
        is_new = start > self.counted_until
        start = max(start, self.counted_until)
        if end <= start:
            return False
        self.counted_until = end
        self.seconds[cause] += end - start
        self.count[cause] += is_new
        return is_new
