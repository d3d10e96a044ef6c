"""Handlers and emulator are killed while side effects stream: none is lost, and few are repeated."""

from __future__ import annotations

from pathlib import Path

from contracts import Catalog
from tests.flow.crashes import crash


async def test_kills_lose_nothing(tmp_path: Path, catalog: Catalog, catalog_file: Path) -> None:
    crashed = await crash(
        tmp_path, catalog, catalog_file, tasks=300, handler_kills=2, emulator_kills=1, seed=1, timeout=50
    )
    assert crashed.accepted == 300
    assert crashed.delivered + crashed.dead == 300
    assert crashed.dead > 0
