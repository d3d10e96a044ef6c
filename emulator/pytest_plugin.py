"""Gives any project's tests `cloud_tasks`, `pubsub`, `virtual_time`; imports nothing before one is asked for.

pytest loads this module wherever the package is installed, so it stays light.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from emulator import Addresses, VirtualClock
    from emulator.testing import CloudTasksFixture, PubSubFixture
    from emulator.testing.opened import Opened

if find_spec("pytest_asyncio") is not None:
    import pytest_asyncio

    _async_fixture: Callable[..., Any] = pytest_asyncio.fixture
else:

    def _async_fixture(function: Any) -> Any:
        """A fixture that says what is missing."""

        @pytest.fixture(name=function.__name__)
        def missing() -> None:
            pytest.fail("the fixtures of sidelane are asynchronous: install pytest-asyncio", pytrace=False)

        return missing


@pytest.fixture(scope="session")
def sidelane_key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the key that signs tokens is kept, one for all tests, since making one takes a while."""
    return tmp_path_factory.mktemp("sidelane-key") / "oidc-key.pem"


@pytest.fixture
def virtual_time() -> VirtualClock:
    """The clock of this test's emulator: it stands still, and `drain()` jumps over every wait.

    Move it yourself with `advance(seconds)`. Only the emulator lives by it, not the code under test.
    """
    from emulator.engine.clock import VirtualClock

    return VirtualClock()


@_async_fixture
async def sidelane_emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sidelane_key_file: Path
) -> AsyncIterator[Opened]:
    """The emulator behind the other fixtures, for this test alone."""
    from emulator.testing.opened import opened

    wanted = request.fixturenames
    clock = request.getfixturevalue("virtual_time") if "virtual_time" in wanted else None
    async with opened(
        tmp_path_factory.mktemp("sidelane"),
        key_file=sidelane_key_file,
        clock=clock,
        listens="emulator_hosts" in wanted,
    ) as emulator:
        yield emulator


@_async_fixture
async def cloud_tasks(sidelane_emulator: Opened) -> CloudTasksFixture:
    """Cloud Tasks for this test: `client`, `create_queue`, `deliver_to`, `drain`, `tasks`, `dead`, ..."""
    return sidelane_emulator.cloud_tasks


@_async_fixture
async def pubsub(sidelane_emulator: Opened) -> PubSubFixture:
    """Pub/Sub for this test: `publisher`, `subscriber`, `publish`, `pull`, `deliver_to`, `drain`, ..."""
    return sidelane_emulator.pubsub


@_async_fixture
async def emulator_hosts(sidelane_emulator: Opened, monkeypatch: pytest.MonkeyPatch) -> Addresses:
    """Lets this test's emulator listen, and tells CLOUD_TASKS_EMULATOR_HOST and PUBSUB_EMULATOR_HOST where.

    For code that makes its own clients, synchronous ones included.
    """
    addresses = sidelane_emulator.emulator.addresses
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", addresses.tasks)
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", addresses.pubsub)
    return addresses
