"""Poison delays nobody, is buried with its reason, and is delivered once the code is mended."""

from __future__ import annotations

from pathlib import Path

from contracts import Catalog
from tests.flow.poison import poison


async def test_one_of_each_kind_of_poison_in_a_hundred(
    tmp_path: Path, catalog: Catalog, catalog_file: Path
) -> None:
    poisoned = await poison(tmp_path, catalog, catalog_file, tasks=100, timeout=45)
    assert poisoned.deaths == 5
