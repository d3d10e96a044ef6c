"""The Cloud Build files, as far as they can be checked without running them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

BUILDS = ("cloudbuild.yaml", "cloudbuild.deploy.yaml")
BUILT_IN = {"PROJECT_ID", "COMMIT_SHA"}
"""Those of Cloud Build's own substitutions that are used."""
_USED = re.compile(r"\$\{?(_[A-Z][A-Z_0-9]*|PROJECT_ID|COMMIT_SHA)\}?")


@pytest.fixture(params=BUILDS)
def build(request: pytest.FixtureRequest) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(Path(request.param).read_text())
    return document


def texts(value: object) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def test_substitutions_are_declared_and_used(build: dict[str, Any]) -> None:
    used = {name for text in texts(build) for name in _USED.findall(text)}
    assert used - BUILT_IN == build["substitutions"].keys()


def test_steps_wait_for_steps_before_them(build: dict[str, Any]) -> None:
    known: set[str] = set()
    for step in build["steps"]:
        assert step["id"] not in known
        assert set(step.get("waitFor", ())) <= known | {"-"}
        known.add(step["id"])


def test_scripts_pass_shellcheck(build: dict[str, Any]) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    for step in build["steps"]:
        script = step["script"]
        assert script.startswith("#!"), step["id"]
        # SC2154: substitutions come as variables that no line of the script sets.
        checked = subprocess.run(
            [shellcheck, "--exclude=SC2154", "-"], input=script, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, f"{step['id']}:\n{checked.stdout}"


def test_what_is_pushed_is_what_was_built_and_scanned(build: dict[str, Any]) -> None:
    for image in build.get("images", ()):
        scripts = {step["id"]: step["script"] for step in build["steps"]}
        assert image in scripts["image"]
        assert image in scripts["scan"]
        assert build["options"]["requestedVerifyOption"] == "VERIFIED"


def test_handlers_are_deployed_before_the_backend() -> None:
    build = yaml.safe_load(Path("cloudbuild.deploy.yaml").read_text())
    shift = next(step["script"] for step in build["steps"] if step["id"] == "shift")
    assert shift.index("for service in dead-letters handlers;") < shift.index(
        "update-traffic sidelane-backend"
    )


@pytest.mark.parametrize("name", BUILDS)
def test_gclouds_own_parser_takes_it(name: str) -> None:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.skip("gcloud is not installed")
    library = Path(gcloud).resolve().parents[1] / "lib"
    code = (
        "import sys; sys.path[:0] = [sys.argv[1], sys.argv[1] + '/third_party']\n"
        "from googlecloudsdk.api_lib.cloudbuild import cloudbuild_util as util, config\n"
        "config.LoadCloudbuildConfigFromPath(sys.argv[2], util.GetMessagesModule())\n"
    )
    parsed = subprocess.run(
        [sys.executable, "-c", code, str(library), name], capture_output=True, text=True, check=False
    )
    assert parsed.returncode == 0, parsed.stderr
