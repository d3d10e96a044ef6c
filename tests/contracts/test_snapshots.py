"""The schema files of this repository against the code: a version keeps what it promised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts import TASK_TYPES, Task
from contracts.catalog import file_schema
from contracts.compatibility import incompatibilities, snapshot_name, snapshot_text

REPOSITORY = Path(__file__).parents[2]
SNAPSHOTS = REPOSITORY / "contracts/schemas"


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_a_task_type_keeps_to_its_version(task_type: type[Task]) -> None:
    promised = json.loads((SNAPSHOTS / snapshot_name(task_type)).read_text(encoding="utf-8"))
    assert incompatibilities(promised, task_type.model_json_schema()) == (), (
        f"raise {task_type.__name__}.version and write an upcaster, or take the change back"
    )


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_a_snapshot_is_current(task_type: type[Task]) -> None:
    """A change that is not written down is a change that the next one cannot be held against."""
    written = (SNAPSHOTS / snapshot_name(task_type)).read_text(encoding="utf-8")
    assert written == snapshot_text(task_type), "run `sidelane schemas` and commit what it wrote"


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_older_versions_keep_their_snapshots(task_type: type[Task]) -> None:
    kept = {path.name for path in SNAPSHOTS.glob(f"{task_type.name}.v*.json")}
    assert kept == {f"{task_type.name}.v{version}.json" for version in range(1, task_type.version + 1)}


def test_the_schema_of_the_queue_catalog_is_current() -> None:
    written = json.loads((REPOSITORY / "infra/terraform/queues.schema.json").read_text(encoding="utf-8"))
    assert written == file_schema(), "run `sidelane schemas` and commit what it wrote"
