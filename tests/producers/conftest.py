"""What the tests of producers share: a catalog, an emulator with paused queues, settings that point there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import Task as CloudTask

from contracts import TASK_TYPES, BlobReference, Catalog, TaskRegistry, load_catalog
from producers import Producer
from producers.backend_settings import BackendSettings
from producers.testing import RecordingProducer, recording
from stores import SqliteFile
from stores.blob_location import open_blobs
from tests.emulator_fixture import RunningEmulator, running_emulator
from tests.producers.subject import Subject

QUEUES_FILE = Path(__file__).parents[2] / "infra/terraform/queues.yaml"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own shell reaches a test."""
    for name in ("K_SERVICE", "CLOUD_TASKS_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "SIDELANE_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIDELANE_REFUSE_DEFAULT_EXECUTOR", "false")  # the emulator shares the test's loop


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(QUEUES_FILE)


@pytest.fixture(scope="session")
def registry() -> TaskRegistry:
    return TaskRegistry(TASK_TYPES)


@pytest.fixture
async def emulator(catalog: Catalog, tmp_path: Path) -> AsyncIterator[RunningEmulator]:
    """Holds every task where it can be looked at: all queues are paused."""
    async with running_emulator(catalog, tmp_path) as running:
        await running.pause(catalog)
        yield running


@pytest.fixture
def settings(emulator: RunningEmulator, tmp_path: Path) -> BackendSettings:
    return pointing_at(emulator, blobs=tmp_path / "blobs")


@pytest.fixture
async def producer(
    settings: BackendSettings, catalog: Catalog, registry: TaskRegistry
) -> AsyncIterator[Producer]:
    async with Producer(settings, catalog, registry) as opened:
        yield opened


@pytest.fixture(params=["emulator", "recording"])
async def subject(request: pytest.FixtureRequest, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Subject]:
    if request.param == "recording":

        async def recorded(producer: Producer, name: str) -> CloudTask:
            assert isinstance(producer, RecordingProducer)
            return next(task for task in producer.created if task.name == name)

        async def kept(producer: Producer, reference: BlobReference) -> bytes:
            assert isinstance(producer, RecordingProducer)
            return producer.blobs[reference.key]

        yield Subject(build=lambda registry: recording(catalog, registry), look=recorded, blob=kept)
        return
    folder = tmp_path / "blobs"
    async with (
        running_emulator(catalog, tmp_path) as emulator,
        open_blobs(str(folder), project="p") as blobs,
    ):
        await emulator.pause(catalog)
        settings: BackendSettings = pointing_at(emulator, blobs=folder)
        yield Subject(
            build=lambda registry: Producer(settings, catalog, registry, blobs=blobs),
            look=lambda _, name: emulator.task(name),
            blob=lambda _, reference: blobs.get(reference),
        )


def pointing_at(emulator: RunningEmulator, *, blobs: Path) -> BackendSettings:
    return BackendSettings(
        queues_file=QUEUES_FILE,
        blobs=str(blobs),
        cloud_tasks_emulator_host=emulator.addresses.tasks,
        pubsub_emulator_host=emulator.addresses.pubsub,
        trusts_callers=True,
        database=SqliteFile(blobs.with_name("stores.sqlite3")),
    )
