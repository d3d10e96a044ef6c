"""Five thousand side effects while the handlers are killed ten times and the emulator three times."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from contracts import load_catalog
from tests.flow.crashes import crash
from tests.flow.world import CATALOG

TIMEOUT = 900.0
"""Seconds."""


async def run(seed: int) -> str:
    """Returns the figures. Raises AssertionError if a side effect was lost, or repeated without reason."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "queues.yaml"
        await asyncio.to_thread(file.write_text, CATALOG)
        catalog = await asyncio.to_thread(load_catalog, file)
        crashed = await crash(
            folder,
            catalog,
            file,
            tasks=5000,
            handler_kills=10,
            emulator_kills=3,
            seed=seed,
            timeout=TIMEOUT,
        )
    return crashed.sentence()
