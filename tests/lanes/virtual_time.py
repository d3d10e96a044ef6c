"""An event loop on which waiting takes no time: when nothing is to do, its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("everything waits for what will never come")
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        self._complaints: list[dict[str, Any]] = []
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._complaints.append(context)

    def close(self) -> None:
        super().close()
        complaints, self._complaints = self._complaints, []
        assert not complaints, f"raised in a callback, or never retrieved: {complaints}"


def runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=VirtualLoop)


def run(test: Coroutine[Any, Any, Result]) -> Result:
    with runner() as virtual:
        return virtual.run(test)


async def settled() -> None:
    """Let every task go as far as it can without time passing."""
    for _ in range(10):
        await asyncio.sleep(0)
