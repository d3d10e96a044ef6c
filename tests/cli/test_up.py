"""`sidelane up` as a process: what it prints, what it makes of the catalog, and how it ends."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cli.resources import queues_of
from cli.up import faults_of
from contracts import Catalog, load_catalog
from emulator import Faults
from tests.emulator.process import start, up
from tests.emulator.running import tasks_client

LOCATION = "projects/sidelane-local/locations/us-central1"


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog(Path("infra/terraform/queues.yaml"))


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


async def outcome(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    """Exit code, standard output and standard error of a process that ends by itself."""
    async with asyncio.timeout(20):
        out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()


def test_faults_are_read_from_the_command_line() -> None:
    assert faults_of([]) == Faults()
    assert faults_of(["duplicate=0.1", "delay=2"]) == Faults(duplicate=0.1, delay=2)


@pytest.mark.parametrize(
    ("switch", "message"),
    [
        ("duplicate", "is not NAME=NUMBER"),
        ("duplicate=often", "is not NAME=NUMBER"),
        ("lose=0.1", "only these faults: duplicate, drop, reorder, error_5xx, delay"),
        ("drop=7", "drop must be a rate"),
    ],
)
def test_a_wrong_fault_is_refused_with_the_remedy(switch: str, message: str) -> None:
    with pytest.raises(typer.BadParameter, match=message):
        faults_of([switch])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_ready_serves_the_catalog_and_ends_cleanly(
    tmp_path: Path, catalog: Catalog, number: signal.Signals
) -> None:
    async with up(tmp_path) as process:
        address = r"127\.0\.0\.1:[0-9]+"
        assert re.fullmatch(f"ready tasks={address} pubsub={address} http={address}\n", process.ready)
        async with tasks_client(process.addresses.tasks) as client:
            found = {queue.name async for queue in await client.list_queues(parent=LOCATION)}
            name = f"{LOCATION}/queues/developer-webhooks"
            retry = (await client.get_queue(name=name)).retry_config
        assert found == {queue.name for queue in queues_of(catalog, LOCATION)}
        assert retry.min_backoff == catalog.get("developer-webhooks").retry.min_backoff
        process.signal(number)
        assert await process.wait() == 0


async def test_a_wrong_catalog_ends_it_with_the_reason(tmp_path: Path) -> None:
    queues = tmp_path / "queues.yaml"
    await asyncio.to_thread(queues.write_text, "defaults: {}\nqueues:\n  q:\n    rate_limits: 7\n")
    code, out, error = await outcome(await start(tmp_path / "data", "--queues", str(queues)))
    assert code == 2
    assert out == ""
    assert f"{queues}: queue 'q': field 'rate_limits'" in error
    assert "Traceback" not in error


async def test_a_port_in_use_ends_it_with_the_remedy(tmp_path: Path, taken_port: int) -> None:
    code, out, error = await outcome(await start(tmp_path, "--pubsub-port", str(taken_port)))
    assert code == 2
    assert out == ""
    assert f"cannot listen on 127.0.0.1:{taken_port} for Pub/Sub" in error
    assert "choose another port" in error
    assert "Traceback" not in error


async def test_a_folder_in_use_ends_it_with_the_reason(tmp_path: Path) -> None:
    async with up(tmp_path):
        code, _, error = await outcome(await start(tmp_path))
    assert code == 2
    assert "in use by another emulator" in error
    assert "Traceback" not in error
