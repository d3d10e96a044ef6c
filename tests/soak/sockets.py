"""Two hundred WebSockets of the pusher flush at once while no target takes anything: nothing is lost."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from contracts import load_catalog
from tests.emulator_fixture import running_emulator
from tests.producers.conftest import QUEUES_FILE, pointing_at
from tests.producers.pusher.test_sockets import flush_at_once

SOCKETS, ROUNDS = 200, 5
TIMEOUT = 120.0
"""Seconds."""


async def run(_: int) -> str:
    """Returns what was done. Raises AssertionError if a segment is no task, and TimeoutError."""
    os.environ["SIDELANE_REFUSE_DEFAULT_EXECUTOR"] = "false"  # the emulator shares the loop
    catalog = await asyncio.to_thread(load_catalog, QUEUES_FILE)
    with TemporaryDirectory() as folder:
        async with running_emulator(catalog, Path(folder)) as emulator:
            await emulator.pause(catalog)
            settings = pointing_at(emulator, blobs=Path(folder) / "blobs")
            await flush_at_once(settings, emulator, sockets=SOCKETS, rounds=ROUNDS, timeout=TIMEOUT)
    return f"{SOCKETS} sockets flushed {ROUNDS} times each at once: {SOCKETS * ROUNDS} tasks, none lost"
