"""One service for all rows, and a line at the end that says which it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conformance.service import IS_REAL, LOCATION, PROJECT, Service, emulated, real
from tests.emulator.conftest import key_file

__all__ = ("key_file",)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    key_file: Path,
    grpc_stays_up: None,
) -> AsyncIterator[Service]:
    if IS_REAL:
        async with real() as service:
            yield service
    else:
        async with emulated(tmp_path_factory.mktemp("conformance"), key_file) as service:
            yield service


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    against = (
        f"the real service, project {PROJECT}, location {LOCATION}"
        if IS_REAL
        else "the emulator; set SIDELANE_CONFORMANCE_PROJECT (and SIDELANE_CONFORMANCE_LOCATION), with "
        "credentials, for the real service"
    )
    terminalreporter.write_line(f"conformance rows ran against {against}")
