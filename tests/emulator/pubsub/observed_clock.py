"""A virtual clock that tells when somebody asks to be woken at a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from emulator.engine.clock import Timer, VirtualClock


class ObservedClock(VirtualClock):
    """Lets a test move on exactly when the code under test has come to rest."""

    def __init__(self) -> None:
        super().__init__()
        self._asked_for: set[float] = set()
        self._asked_anew = asyncio.Event()

    def call_at(self, moment: float, callback: Callable[[], object]) -> Timer:
        self._asked_for.add(round(moment, 3))
        self._asked_anew.set()
        return super().call_at(moment, callback)

    async def advance_when_asked(self, moment: float) -> None:
        """Move to `moment` once there is a timer for it."""
        async with asyncio.timeout(20):
            while round(moment, 3) not in self._asked_for:
                self._asked_anew.clear()
                await self._asked_anew.wait()
        self.advance_to(moment)
