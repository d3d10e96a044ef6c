"""Runs Terraform on a copy of infra/terraform, and reads what it says."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path("infra/terraform")
INDEXES = Path("stores/firestore/indexes.json")
PROJECT = "sidelane-test-1"
DIGEST = "@sha256:" + "0" * 64
IMAGES = {
    name: f"us-central1-docker.pkg.dev/p/r/{name}{DIGEST}" for name in ("backend", "handlers", "dead_letters")
}
_TIMEOUT = 50  # seconds
_LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'


class TerraformError(Exception):
    """A command failed; the text is what it wrote."""


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a plan would do to one resource."""

    address: str
    actions: tuple[str, ...]
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Plan:
    """A plan as `terraform show -json` tells it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def changes(self) -> list[Change]:
        """Of everything that does not stay as it is."""
        found = [
            Change(
                each["address"],
                tuple(each["change"]["actions"]),
                each["change"]["before"],
                each["change"]["after"],
            )
            for each in self.document["resource_changes"]
        ]
        return [change for change in found if change.actions not in (("no-op",), ("read",))]

    def resources(self, type_: str) -> dict[str, Mapping[str, Any]]:
        """The planned values of every resource of a type, by its address."""
        return {
            each["address"]: each["values"]
            for module in _modules(self.document["planned_values"]["root_module"])
            for each in module.get("resources", ())
            if each["type"] == type_
        }

    def output(self, name: str) -> Any:
        return self.document["planned_values"]["outputs"][name]["value"]


class Terraform:
    """One working folder with a state of its own."""

    def __init__(self, program: str, folder: Path, provider: str | None) -> None:
        """Args:
        folder: laid out as the repository.
        provider: a stand-in's TF_REATTACH_PROVIDERS; None: the real one, from its registry.
        """
        self._program = program
        self._repository = folder
        self._folder = folder / ROOT
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TF_")},
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            "TF_CLI_CONFIG_FILE": os.devnull,
            **({"TF_REATTACH_PROVIDERS": provider} if provider else {}),
        }
        self.variables = [
            "-var-file=envs/prod.tfvars",
            f"-var=project_id={PROJECT}",
            f"-var=images={json.dumps(IMAGES)}",
        ]

    async def open(self) -> None:
        """Copy the configuration, with its state in the folder, and initialise it."""
        await asyncio.to_thread(shutil.copytree, ROOT, self._folder)
        await asyncio.to_thread(_copy, INDEXES, self._repository / INDEXES)
        await asyncio.to_thread((self._folder / "state_override.tf").write_text, _LOCAL_STATE)
        await self("init")

    def path(self, name: str) -> Path:
        return self._folder / name

    async def __call__(self, command: str, *arguments: str, codes: Sequence[int] = (0,)) -> Said:
        """`terraform COMMAND ARGUMENTS`. Raises TerraformError where it ends with another code."""
        options = ["-input=false"] if command in ("init", "plan", "apply", "import") else []
        process = await asyncio.create_subprocess_exec(
            self._program,
            command,
            *([] if command == "fmt" else ["-no-color"] if command != "state" else []),
            *options,
            *arguments,
            cwd=self._folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(_TIMEOUT):
            output, _ = await process.communicate()
        said = Said(process.returncode or 0, output.decode())
        if said.code not in codes:
            raise TerraformError(f"terraform {command} ended with {said.code}:\n{said.text}")
        return said

    async def plan(self, *arguments: str) -> Plan:
        await self("plan", "-out=tfplan", *self.variables, *arguments)
        shown = await self("show", "-json", "tfplan")
        return Plan(json.loads(shown.text))

    async def apply(self, *arguments: str) -> Said:
        return await self("apply", "-auto-approve", *self.variables, *arguments)

    async def is_unchanged(self, *arguments: str) -> bool:
        """Whether a plan finds nothing to do."""
        said = await self("plan", "-detailed-exitcode", *self.variables, *arguments, codes=(0, 2))
        return said.code == 0

    async def destroy(self) -> Said:
        return await self("destroy", "-auto-approve", *self.variables)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    shutil.copy(source, target)


def _modules(module: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [module, *(inner for child in module.get("child_modules", ()) for inner in _modules(child))]
