"""What flow tests share: their catalog, of the real shape with short waits, and where their stores are."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts import Catalog, load_catalog
from tests.firestore_emulator import Firestore
from tests.flow.world import CATALOG


@pytest.fixture
def catalog_file(tmp_path: Path) -> Path:
    path = tmp_path / "queues.yaml"
    path.write_text(CATALOG)
    return path


@pytest.fixture
def catalog(catalog_file: Path) -> Catalog:
    return load_catalog(catalog_file)


@pytest.fixture
def firestore_or_file(request: pytest.FixtureRequest) -> Firestore | None:
    """None, a file, unless the test says `on_every_storage`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return None
    found: Firestore = request.getfixturevalue("firestore")
    return found


on_every_storage = pytest.mark.parametrize("firestore_or_file", ["sqlite", "firestore"], indirect=True)
