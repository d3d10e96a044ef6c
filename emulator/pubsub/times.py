"""Tells the time as the tables of Pub/Sub hold it, in whole microseconds; it keeps no clock."""

from __future__ import annotations

from emulator.engine.clock import Clock


def now(clock: Clock) -> int:
    """Since the epoch."""
    return round(clock.now() * 1_000_000)
