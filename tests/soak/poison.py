"""A thousand tasks, of which fifty are poison and ten kill their process each time that they run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from contracts import load_catalog
from tests.flow.poison import poison
from tests.flow.world import CATALOG

TIMEOUT = 600.0
"""Seconds in which all of them must have ended."""


async def run(_: int) -> str:
    """Returns what was done. Raises AssertionError with what was violated."""
    with TemporaryDirectory() as name:
        file = Path(name) / "queues.yaml"
        await asyncio.to_thread(file.write_text, CATALOG)
        catalog = await asyncio.to_thread(load_catalog, file)
        poisoned = await poison(Path(name), catalog, file, tasks=1000, timeout=TIMEOUT)
    return poisoned.sentence()
