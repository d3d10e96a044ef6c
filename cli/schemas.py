"""`sidelane schemas`: keeps the schema files in step with the code; never changes what a version promised."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from contracts import EVENT_TYPES, TASK_TYPES, Versioned
from contracts.catalog import file_schema
from contracts.compatibility import incompatibilities, snapshot_name, snapshot_text

EVENTS = "events"
"""Folder of the events' snapshots within that of the tasks'."""


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """A file that is made from the code, and why it must not be written."""

    path: Path
    text: str
    refusals: tuple[str, ...] = ()

    def is_current(self) -> bool:
        return self.path.is_file() and self.path.read_text(encoding="utf-8") == self.text


def schemas(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is not current.")
    ] = False,
    snapshots: Annotated[
        Path,
        typer.Option(
            exists=True, file_okay=False, help="Folder of the task types' snapshots, events/ in it."
        ),
    ] = Path("contracts/schemas"),
    queues_schema: Annotated[Path, typer.Option(dir_okay=False, help="Schema of the queue catalog.")] = Path(
        "infra/terraform/queues.schema.json"
    ),
) -> None:
    """Write the JSON Schemas of the task and event types and of the queue catalog.

    A snapshot that the code no longer keeps to is left alone and fails the command.
    """
    files = [
        *snapshots_of(TASK_TYPES, snapshots),
        *snapshots_of(EVENT_TYPES, snapshots / EVENTS),
        SchemaFile(queues_schema, json.dumps(file_schema(), indent=2, sort_keys=True) + "\n"),
    ]
    failed = False
    for file in files:
        if file.refusals:
            failed = True
            typer.echo("\n".join(file.refusals), err=True)
        elif not file.is_current():
            if check:
                failed = True
                typer.echo(f"{file.path} is not current: run `sidelane schemas` and commit it", err=True)
            else:
                file.path.parent.mkdir(exist_ok=True)
                file.path.write_text(file.text, encoding="utf-8")
                typer.echo(f"wrote {file.path}")
    if failed:
        raise typer.Exit(1)


def snapshots_of(types: Iterable[type[Versioned]], folder: Path) -> Iterator[SchemaFile]:
    """The snapshot of each type's current version, held against the one in `folder`."""
    for versioned in types:
        path = folder / snapshot_name(versioned)
        yield SchemaFile(path, snapshot_text(versioned), tuple(_refusals(versioned, path)))


def _refusals(versioned: type[Versioned], path: Path) -> Iterator[str]:
    if not path.exists():
        return
    try:
        promised = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        yield f"{path} is not JSON ({error}); restore it from version control"
        return
    sentences = incompatibilities(promised, versioned.model_json_schema())
    if sentences:
        version = versioned.version
        yield f"{path}: {versioned.name!r} no longer keeps to its version {version}:"
        yield from (f"  {sentence}" for sentence in sentences)
        yield (
            f"Raise {versioned.__name__}.version to {version + 1} and write an upcaster from {version}, "
            "or take the change back."
        )
