"""Terraform with the stand-in provider; tests are skipped where Terraform or the stand-in is missing."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator import Emulator, EmulatorSettings
from tests.emulator.gcloud.conftest import Gcloud
from tests.terraform.recorder import Recorder, recorder
from tests.terraform.standin import PYTHON, standin
from tests.terraform.terraform import Terraform


@pytest.fixture(scope="session")
def program() -> str:
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("terraform is not installed")
    return found


@pytest.fixture(scope="session")
def has_standin(program: str) -> bool:
    if not PYTHON.exists():
        pytest.skip("the stand-in provider is not installed: run `make test` once")
    return True


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Emulator]:
    """Empty."""
    settings = EmulatorSettings(
        data_dir=tmp_path / "emulator", tasks_port=None, pubsub_port=None, http_port=0
    )
    async with Emulator(settings) as running:
        yield running


@pytest.fixture
def gcloud(emulator: Emulator, tmp_path: Path) -> Gcloud:
    """A second client, beside Terraform."""
    program = shutil.which("gcloud")
    if program is None:
        pytest.skip("gcloud is not installed")
    return Gcloud(program, emulator.addresses.http, tmp_path / "gcloud")


@pytest.fixture
async def calls(emulator: Emulator) -> AsyncIterator[Recorder]:
    """Between the provider and the emulator."""
    async with recorder(f"http://{emulator.addresses.http}") as running:
        yield running


@pytest.fixture
async def terraform(
    program: str, has_standin: bool, tmp_path: Path, calls: Recorder
) -> AsyncIterator[Terraform]:
    """Initialised, with an empty state."""
    async with standin(calls.url) as provider:
        opened = Terraform(program, tmp_path / "terraform", provider)
        await opened.open()
        yield opened
