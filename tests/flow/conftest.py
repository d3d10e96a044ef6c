"""The catalog of these tests: the real shape, with waits of tenths of a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts import Catalog, load_catalog
from tests.flow.world import CATALOG


@pytest.fixture
def catalog_file(tmp_path: Path) -> Path:
    path = tmp_path / "queues.yaml"
    path.write_text(CATALOG)
    return path


@pytest.fixture
def catalog(catalog_file: Path) -> Catalog:
    return load_catalog(catalog_file)
