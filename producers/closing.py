"""Closes several connections at once, within a time that holds whatever they do. It opens none.

For sockets whose close waits for the other side, as those of speech services: it is waited for, and then
they are cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

WITHIN = 2.0
"""Seconds for all of them together."""
_TO_CUT = 0.1
"""Of these, for what is cut to notice."""


class Closable(Protocol):
    async def close(self) -> object:
        """End as the protocol has it, however long the other side takes."""
        ...

    def abort(self) -> object:
        """End now, with no word to the other side. Does not wait."""
        ...


async def close_all(connections: Mapping[str, Closable], *, within: float = WITHIN) -> dict[str, str]:
    """Close all at the same time; what is not closed after `within` seconds is cut.

    Returns what was cut or failed, and why, by name. A cancelled caller has all that is left cut at once. A
    `close` that ignores its cancellation too is left behind: it holds nobody up.
    """
    closing = {asyncio.ensure_future(_close(one)): name for name, one in connections.items()}
    why = f"not closed after {within:g} s"
    try:
        if closing:
            await asyncio.wait(closing, timeout=within - _TO_CUT)
    except asyncio.CancelledError:
        why = "its closer was cancelled"
        raise
    finally:
        ends = {}
        for task, name in closing.items():
            if not task.done():
                task.cancel()
                connections[name].abort()
                ends[name] = why
            elif fault := "its close was cancelled" if task.cancelled() else task.result():
                connections[name].abort()
                ends[name] = fault
    if cut := [task for task in closing if not task.done()]:
        await asyncio.wait(cut, timeout=_TO_CUT)
    return ends


async def _close(connection: Closable) -> str | None:
    """Why it could not be closed; None when it was."""
    try:
        await connection.close()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
