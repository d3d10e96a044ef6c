"""The model of the delivery core at the size that the suite has no time for: more at once, and everything.

Of one core it takes seven minutes, of two about half; each needs up to 2 GB of memory.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.handlers.model.core import check
from tests.handlers.model.explore import Explored
from tests.handlers.model.world import Budget


@dataclass(frozen=True, slots=True)
class Part:
    budget: Budget
    leased: bool = False
    """One attempt with a lease, instead of two without."""
    limit: int = 5_000_000

    def explore(self) -> Explored:
        attempts = 1 if self.leased else 2
        return check(self.budget, max_attempts=attempts, exclusive=self.leased, limit=self.limit)


PARTS = (  # the longest first
    Part(Budget(crashes=2, duplicates=1, parks=0), leased=True),
    Part(Budget(crashes=2, duplicates=1, forgotten=1, outages=1, parks=1), limit=1_000_000),
    Part(Budget(crashes=1, duplicates=1, outages=1, parks=0), leased=True),
    Part(Budget(crashes=2, duplicates=1, outages=1, parks=0)),
    Part(Budget(crashes=2, duplicates=1, forgotten=1, parks=0)),
    Part(Budget(crashes=2, parks=1, forgotten=1)),
    Part(Budget(crashes=1, duplicates=1, outages=1, forgotten=1, parks=0)),
)


async def run(seed: int) -> str:
    """Returns what there was, whatever the seed. Raises `Violation`."""
    return await asyncio.to_thread(_explore)


def _explore() -> str:
    with ProcessPoolExecutor(
        os.cpu_count(),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=logging.disable,
        initargs=(logging.CRITICAL,),
    ) as processes:
        found = list(processes.map(Part.explore, PARTS))
    states, steps = sum(each.states for each in found), sum(each.steps for each in found)
    bounded = [
        f"{part.budget} is looked at {each.depth} steps deep"
        for part, each in zip(PARTS, found, strict=True)
        if not each.complete
    ]
    whole = f"{len(found) - len(bounded)} budgets whole"
    told = f"{states} states of one task and {steps} steps between them, and the promise holds in each"
    return "; ".join([told, whole, *bounded])
