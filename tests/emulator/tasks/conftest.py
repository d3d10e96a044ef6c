"""Cloud Tasks on a real socket and a real database, in virtual time, with Google's async client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, Queue

from emulator import TasksSettings, VirtualClock
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks import SCHEMA, TasksService
from tests.emulator.running import OTHER_QUEUE, QUEUE, queue, tasks_client
from tests.emulator.target import Target
from tests.emulator.tasks.bench import Bench


@pytest.fixture
async def issuer(key_file: Path, clock: VirtualClock) -> TokenIssuer:
    issuer = TokenIssuer(key_file, clock=clock)
    await issuer.open()
    return issuer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path / "tasks.db", schema=SCHEMA)
    await store.open()
    yield store
    await store.aclose()


@pytest.fixture
async def service(
    store: Store, clock: VirtualClock, issuer: TokenIssuer, target: Target
) -> AsyncIterator[TasksService]:
    service = TasksService(store, clock=clock, issuer=issuer, sender=target, settings=TasksSettings())
    await service.open([Queue.pb(queue(QUEUE)), Queue.pb(queue(OTHER_QUEUE))])
    yield service
    await service.aclose()


@pytest.fixture
async def client(service: TasksService) -> AsyncIterator[CloudTasksAsyncClient]:
    server = grpc.aio.server()
    service.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with tasks_client(f"127.0.0.1:{port}") as client:
        yield client
    await server.stop(grace=None)


@pytest.fixture
async def bench(
    store: Store, clock: VirtualClock, issuer: TokenIssuer, target: Target
) -> AsyncIterator[Bench]:
    bench = Bench(store, clock, issuer, target)
    yield bench
    await bench.dispatcher.aclose(grace=0.1)
