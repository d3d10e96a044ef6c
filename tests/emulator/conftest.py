"""What tests of the whole emulator share."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from emulator import SystemClock, VirtualClock
from emulator.oidc import TokenIssuer
from tests.emulator.running import Running, running_in
from tests.emulator.target import Target


@pytest.fixture
async def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def target(clock: VirtualClock) -> Target:
    return Target(clock)


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One OIDC key for all tests, since making one takes a while."""
    path = tmp_path_factory.mktemp("oidc") / "key.pem"
    with asyncio.Runner() as runner:
        runner.run(TokenIssuer(path, clock=SystemClock()).open())
    return path


@pytest.fixture
def running(tmp_path: Path, key_file: Path) -> Running:
    """Opens emulators on the test's folder, one after the other."""
    shutil.copy(key_file, tmp_path / "oidc-key.pem")
    return running_in(tmp_path)
