"""The schema files of this repository against the code: a version keeps what it promised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts import EVENT_TYPES, TASK_TYPES, Versioned
from contracts.catalog import file_schema
from contracts.compatibility import incompatibilities, snapshot_name, snapshot_text

REPOSITORY = Path(__file__).parents[2]
SNAPSHOTS = REPOSITORY / "contracts/schemas"


FOLDERS: dict[type[Versioned], Path] = {
    **dict.fromkeys(TASK_TYPES, SNAPSHOTS),
    **dict.fromkeys(EVENT_TYPES, SNAPSHOTS / "events"),
}
each_type = pytest.mark.parametrize(("versioned", "folder"), FOLDERS.items())


@each_type
def test_a_type_keeps_to_its_version(versioned: type[Versioned], folder: Path) -> None:
    promised = json.loads((folder / snapshot_name(versioned)).read_text(encoding="utf-8"))
    assert incompatibilities(promised, versioned.model_json_schema()) == (), (
        f"raise {versioned.__name__}.version and write an upcaster, or take the change back"
    )


@each_type
def test_a_snapshot_is_current(versioned: type[Versioned], folder: Path) -> None:
    """A change that is not written down is a change that the next one cannot be held against."""
    written = (folder / snapshot_name(versioned)).read_text(encoding="utf-8")
    assert written == snapshot_text(versioned), "run `sidelane schemas` and commit what it wrote"


@each_type
def test_older_versions_keep_their_snapshots(versioned: type[Versioned], folder: Path) -> None:
    kept = {path.name for path in folder.glob(f"{versioned.name}.v*.json")}
    assert kept == {f"{versioned.name}.v{version}.json" for version in range(1, versioned.version + 1)}


def test_the_schema_of_the_queue_catalog_is_current() -> None:
    written = json.loads((REPOSITORY / "infra/terraform/queues.schema.json").read_text(encoding="utf-8"))
    assert written == file_schema(), "run `sidelane schemas` and commit what it wrote"
