"""What the tests of the queue catalog share."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.contracts.catalogs import Document, Write, two_queues


@pytest.fixture
def document() -> Document:
    return two_queues()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(document: Document) -> Path:
        path = tmp_path / "queues.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return path

    return write
