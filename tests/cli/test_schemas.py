"""`sidelane schemas`: writes what is new, refuses what breaks a version, writes nothing when it checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from contracts import EVENT_TYPES, TASK_TYPES
from contracts.compatibility import snapshot_name

SNAPSHOT = "snapshots/developer-webhook.v1.json"
QUEUES = "queues.schema.json"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command on files of the test's own."""
    (tmp_path / "snapshots").mkdir()

    def run(*arguments: str) -> Result:
        places = ("--snapshots", f"{tmp_path}/snapshots", "--queues-schema", f"{tmp_path}/{QUEUES}")
        return CliRunner().invoke(app, ["schemas", *places, *arguments])

    return run


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> str:
    """Turn a snapshot into one of other code; answers its text."""
    snapshot = json.loads(path.read_text(encoding="utf-8"))
    edit(snapshot)
    path.write_text(json.dumps(snapshot), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def test_missing_files_are_written_and_then_current(run: Run, tmp_path: Path) -> None:
    first = run()
    assert first.exit_code == 0
    written = [f"snapshots/{snapshot_name(task_type)}" for task_type in TASK_TYPES]
    written += [f"snapshots/events/{snapshot_name(event_type)}" for event_type in EVENT_TYPES]
    assert first.output.splitlines() == [f"wrote {tmp_path}/{name}" for name in (*written, QUEUES)]
    again = run()
    assert (again.exit_code, again.output) == (0, "")
    check = run("--check")
    assert (check.exit_code, check.output) == (0, "")


def test_checking_names_missing_files_and_writes_none(run: Run, tmp_path: Path) -> None:
    result = run("--check")
    assert result.exit_code == 1
    assert f"{tmp_path}/{SNAPSHOT} is not current: run `sidelane schemas`" in result.stderr
    assert f"{tmp_path}/{QUEUES} is not current" in result.stderr
    assert not (tmp_path / SNAPSHOT).exists()
    assert not (tmp_path / QUEUES).exists()


def test_a_compatible_change_is_written_and_until_then_fails_the_check(run: Run, tmp_path: Path) -> None:
    run()
    current = (tmp_path / SNAPSHOT).read_text(encoding="utf-8")
    older = change(
        tmp_path / SNAPSHOT, lambda snapshot: snapshot["$defs"]["Conversation"]["properties"].pop("folder_id")
    )
    assert run("--check").exit_code == 1
    assert (tmp_path / SNAPSHOT).read_text(encoding="utf-8") == older
    result = run()
    assert (result.exit_code, result.output) == (0, f"wrote {tmp_path}/{SNAPSHOT}\n")
    assert (tmp_path / SNAPSHOT).read_text(encoding="utf-8") == current


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_an_incompatible_change_is_refused_with_the_remedy(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    run()
    kept = change(
        tmp_path / SNAPSHOT,
        lambda snapshot: snapshot["properties"].update(region={"type": "string"}),
    )
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{tmp_path}/{SNAPSHOT}: 'developer-webhook' no longer keeps to its version 1:",
        "  region: was removed or renamed: new code loses what old code wrote",
        "Raise DeveloperWebhook.version to 2 and write an upcaster from 1, or take the change back.",
    ]
    assert (tmp_path / SNAPSHOT).read_text(encoding="utf-8") == kept


def test_an_event_is_held_to_its_version_too(run: Run, tmp_path: Path) -> None:
    run()
    snapshot = tmp_path / "snapshots/events/transcript-flushed.v1.json"
    change(snapshot, lambda schema: schema["properties"].update(region={"type": "string"}))
    result = run("--check")
    assert result.exit_code == 1
    assert f"{snapshot}: 'transcript-flushed' no longer keeps to its version 1:" in result.stderr
    assert "Raise TranscriptFlushed.version to 2" in result.stderr


def test_the_schema_of_the_queue_catalog_follows_the_code(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / QUEUES).write_text("{}", encoding="utf-8")
    assert run("--check").exit_code == 1
    assert run().output == f"wrote {tmp_path}/{QUEUES}\n"


def test_a_damaged_snapshot_is_left_for_version_control(run: Run, tmp_path: Path) -> None:
    (tmp_path / SNAPSHOT).write_text("<<<<<<< HEAD", encoding="utf-8")
    result = run()
    assert result.exit_code == 1
    assert f"{tmp_path}/{SNAPSHOT} is not JSON" in result.stderr
    assert "restore it from version control" in result.stderr
    assert (tmp_path / SNAPSHOT).read_text(encoding="utf-8") == "<<<<<<< HEAD"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["schemas", "--snapshots", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert "--snapshots" in result.stderr
