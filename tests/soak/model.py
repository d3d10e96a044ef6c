"""The model of the delivery core at the size that the suite has no time for: everything at once."""

from __future__ import annotations

import asyncio
import logging

from tests.handlers.model.core import check
from tests.handlers.model.world import Budget

PLAIN = (
    Budget(crashes=2, duplicates=1, forgotten=1, parks=0),
    Budget(crashes=2, duplicates=1, outages=1, parks=0),
    Budget(crashes=2, parks=1, forgotten=1),
    Budget(crashes=1, duplicates=1, outages=1, forgotten=1, parks=0),
)
LEASED = (
    Budget(crashes=2, duplicates=1, parks=0),
    Budget(crashes=1, duplicates=1, outages=1, parks=0),
)


async def run(seed: int) -> str:
    """Returns how much there was; what is explored does not depend on the seed."""
    logging.disable(logging.CRITICAL)
    try:
        return await asyncio.to_thread(_explore)
    finally:
        logging.disable(logging.NOTSET)


def _explore() -> str:
    found = [check(budget) for budget in PLAIN]
    found += [check(budget, max_attempts=1, exclusive=True) for budget in LEASED]
    states, steps = sum(each.states for each in found), sum(each.steps for each in found)
    return f"{states} states of one task and {steps} steps between them, and the promise holds in each"
