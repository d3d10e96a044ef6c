"""One hundred kills of the emulator under load, at random moments: nothing acknowledged is lost."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.emulator.killing import kill_again_and_again

KILLS = 100


async def run(seed: int) -> str:
    """Returns what was done. Raises AssertionError if something was lost."""
    with TemporaryDirectory() as folder:
        killed = await kill_again_and_again(Path(folder), times=KILLS, seed=seed)
    return (
        f"{KILLS} kills, {killed.acknowledged} tasks acknowledged, {killed.waited} found waiting, none lost"
    )
