"""gcloud itself as a client of the emulator, in virtual time; tests are skipped where it is not installed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from emulator import Emulator, VirtualClock
from tests.emulator.running import Running
from tests.emulator.target import Target

PROJECT = "sidelane-local"
LOCATION = f"projects/{PROJECT}/locations/us-central1"

_GCLOUD = shutil.which("gcloud")
_TIMEOUT = 40  # seconds; a call takes one, and more on a busy machine


class GcloudError(Exception):
    """A command failed; the text is what it wrote."""


class Gcloud:
    """Runs commands against the emulator's HTTP port, without credentials and with settings of its own."""

    def __init__(self, program: str, address: str, settings: Path) -> None:
        self._program = program
        self._environment = {
            **os.environ,
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDTASKS": f"http://{address}/",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB": f"http://{address}/",
            "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
            "CLOUDSDK_CONFIG": str(settings),
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
            "CLOUDSDK_CORE_PROJECT": PROJECT,
        }

    async def __call__(self, command: str, *more: str) -> Any:
        """What `gcloud command more…` prints as JSON. `command` is split at spaces. Raises GcloudError."""
        process = await asyncio.create_subprocess_exec(
            self._program,
            *command.split(),
            *more,
            "--format=json",
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_TIMEOUT):
                output, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise GcloudError(complaint.decode())
        return json.loads(output or b"null")


@pytest.fixture
async def emulator(running: Running, clock: VirtualClock, target: Target) -> AsyncIterator[Emulator]:
    async with running(clock=clock, sender=target) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gcloud")


@pytest.fixture
async def gcloud(emulator: Emulator, settings: Path) -> Gcloud:
    if _GCLOUD is None:
        pytest.skip("gcloud is not installed")
    return Gcloud(_GCLOUD, emulator.addresses.http, settings)
