"""Kills a real emulator ten times while tasks stream in and out: nothing that was acknowledged is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.killing import WORKERS, kill_again_and_again

KILLS = 10


@pytest.mark.timeout(120)
async def test_ten_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    killed = await kill_again_and_again(tmp_path, times=KILLS, seed=20_251_124)
    assert killed.waited > 0  # the kills hit tasks on their way
    assert killed.acknowledged > KILLS * WORKERS
