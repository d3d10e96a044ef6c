"""What tests of the whole emulator share."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
import pytest

from emulator import SystemClock
from emulator.oidc import TokenIssuer
from tests.emulator.running import Running, running_in


@pytest.fixture(scope="session", autouse=True)
def grpc_runtime() -> Iterator[None]:
    """Keep gRPC's poller for the session: ending it with its last object joins a thread on the event loop."""
    grpc.aio.init_grpc_aio()
    yield
    grpc.aio.shutdown_grpc_aio()


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One OIDC key for all tests, since making one takes a while."""
    path = tmp_path_factory.mktemp("oidc") / "key.pem"
    asyncio.run(TokenIssuer(path, clock=SystemClock()).open())
    return path


@pytest.fixture
def running(tmp_path: Path, key_file: Path) -> Running:
    """Opens emulators on the test's folder, one after the other."""
    shutil.copy(key_file, tmp_path / "oidc-key.pem")
    return running_in(tmp_path)
