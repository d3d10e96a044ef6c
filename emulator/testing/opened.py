"""Opens the emulator of one test and what the fixtures hand out, and closes it; pytest is not needed here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from emulator.clients import cloud_tasks_client, publisher_client, subscriber_client
from emulator.emulator import Emulator, EmulatorSettings
from emulator.engine.clock import Clock, SystemClock
from emulator.tasks import TasksSettings
from emulator.testing.cloud_tasks import CloudTasksFixture
from emulator.testing.deliveries import ByService, Deliveries
from emulator.testing.pubsub import PubSubFixture


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One emulator, as the two fixtures see it."""

    emulator: Emulator
    cloud_tasks: CloudTasksFixture
    pubsub: PubSubFixture


@asynccontextmanager
async def opened(
    folder: Path, *, key_file: Path, clock: Clock | None = None, listens: bool = False
) -> AsyncIterator[Opened]:
    """An emulator in `folder`, on any free ports where it `listens`, else on none."""
    port = 0 if listens else None
    clock = clock or SystemClock()
    tasks, pushes = Deliveries(clock), Deliveries(clock)
    settings = EmulatorSettings(
        data_dir=folder,
        key_file=key_file,
        tasks_port=port,
        pubsub_port=port,
        http_port=port,
        tasks=TasksSettings(shutdown_grace=0.5),
    )
    async with Emulator(settings, clock=clock, sender=ByService(tasks, pushes)) as emulator:
        channel = emulator.channel
        try:
            yield Opened(
                emulator=emulator,
                cloud_tasks=CloudTasksFixture(emulator, await cloud_tasks_client(channel), tasks),
                pubsub=PubSubFixture(
                    emulator, await publisher_client(channel), await subscriber_client(channel), pushes
                ),
            )
        finally:
            await tasks.aclose()
            await pushes.aclose()
