"""Lets hypothesis draw cases beside the event loop that fires them; it knows no case."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

CaseT = TypeVar("CaseT")


async def each_drawn(
    cases: st.SearchStrategy[CaseT],
    fire: Callable[[CaseT], Awaitable[None]],
    *,
    count: int,
    seed: int | None = None,
) -> None:
    """Await `fire` for `count` cases, one after the other. Without a seed they are the same each time.

    `fire` notes what it finds instead of raising it: hypothesis would stop there, and replay its case against
    an emulator that has moved on.
    """
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=seed is None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def draw(case: CaseT) -> None:
        asyncio.run_coroutine_threadsafe(_awaited(fire, case), loop).result()

    await asyncio.to_thread(draw if seed is None else seeded(seed)(draw))


async def _awaited(fire: Callable[[CaseT], Awaitable[None]], case: CaseT) -> None:
    await fire(case)
