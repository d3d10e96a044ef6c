"""What the demo plays on: every service running, the users' endpoints registered, the receiver listening."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli.demo.endpoints import endpoints
from cli.demo.processes import Processes, Service
from cli.demo.receiver import Receiver
from cli.demo.services import LOCATION, PROJECT, EmulatorAddresses, Services
from cli.demo.stream import CALL_DEADLINE
from cli.demo.survey import Survey
from cli.demo.waiting import WaitingTasks
from stores.sqlite import open_sqlite


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Open as long as `open_stage`'s block lasts."""

    client: httpx.AsyncClient
    services: Services
    emulator: EmulatorAddresses
    processes: Processes
    receiver: Receiver
    survey: Survey

    @property
    def handlers(self) -> Service:
        return self.services.handlers_service(self.emulator, self.client)


@asynccontextmanager
async def open_stage(data: Path) -> AsyncIterator[Stage]:
    """Start everything in the folder `data`, and end it with the block.

    Raises:
        ProcessFailed: a service did not start.
        StoreUnavailable: the directory cannot be written.
    """
    services = Services(data=data)
    async with (
        httpx.AsyncClient(timeout=CALL_DEADLINE, trust_env=False) as client,
        open_sqlite(services.database) as stores,
        Receiver() as receiver,
        Processes(data / "logs") as processes,
    ):
        for endpoint in endpoints(receiver.url):
            await stores.directory.put_endpoint(endpoint)
        emulator = await EmulatorAddresses.of(await processes.start(services.emulator_service()))
        async with asyncio.TaskGroup() as group:
            for make in (
                services.handlers_service,
                services.backend_service,
                services.dead_letters_service,
            ):
                group.create_task(processes.start(make(emulator, client)))
        async with WaitingTasks(emulator.tasks, project=PROJECT, location=LOCATION) as waiting:
            yield Stage(
                client=client,
                services=services,
                emulator=emulator,
                processes=processes,
                receiver=receiver,
                survey=Survey(
                    waiting=waiting, letters=stores.dead_letters, ledger=stores.ledger, receiver=receiver
                ),
            )
