"""Ten thousand parked tasks of a dead target, in virtual time: the suite's storm at its full size."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.flow.park_storm import storm
from tests.flow.test_park_storm import check

TIMEOUT = 3600.0
"""Seconds of real time."""


async def run(seed: int) -> str:
    """Returns the figures. Raises AssertionError if they are not what is promised."""
    logging.getLogger("handlers").setLevel(logging.WARNING)  # a line for each of 100,000 attempts
    with TemporaryDirectory() as folder:
        seen = await storm(Path(folder), tasks=10_000, per_second=40.0, seed=seed, timeout=TIMEOUT)
    check(seen)
    return seen.sentence()
