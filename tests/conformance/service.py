"""What the rows run against: the emulator in virtual time, or the real service, named by the environment."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google.auth
import grpc.aio
from google.auth.transport.requests import AuthorizedSession
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient
from google.pubsub_v1 import (
    PublisherAsyncClient,
    PublisherClient,
    SubscriberAsyncClient,
    SubscriberClient,
)

from emulator import (
    Emulator,
    EmulatorSettings,
    TasksSettings,
    VirtualClock,
    publisher_client,
    subscriber_client,
)
from tests.conformance.drivers import Driver, GrpcDriver, HttpDriver, RestClientDriver
from tests.emulator.rest import clients
from tests.emulator.running import tasks_client
from tests.emulator.target import Target

PROJECT = os.environ.get("SIDELANE_CONFORMANCE_PROJECT", "")
LOCATION = os.environ.get("SIDELANE_CONFORMANCE_LOCATION", "us-central1")
IS_REAL = bool(PROJECT)

_QUEUE_TOMBSTONE = 7 * 24 * 3600.0
"""Seconds, as production has it; the emulator's default is none."""
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`now` is its time; `advance` moves it, in the emulator alone. `run` is new with each run."""

    project: str
    location: str
    run: str
    drivers: Mapping[str, Driver]
    now: Callable[[], float]
    advance: Callable[[float], None]


@asynccontextmanager
async def emulated(folder: Path, key_file: Path) -> AsyncIterator[Service]:
    """An emulator whose targets always answer 200."""
    clock = VirtualClock()
    settings = EmulatorSettings(
        data_dir=folder,
        key_file=key_file,
        tasks_port=0,
        pubsub_port=0,
        http_port=0,
        tasks=TasksSettings(queue_tombstone_ttl=_QUEUE_TOMBSTONE),
    )
    async with AsyncExitStack() as stack:
        emulator = Emulator(settings, clock=clock, sender=Target(clock))
        await emulator.open()
        stack.push_async_callback(emulator.aclose)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(emulator.addresses.pubsub))
        http = emulator.addresses.http
        grpc_clients = {
            "tasks": await stack.enter_async_context(tasks_client(emulator.addresses.tasks)),
            "publisher": await publisher_client(channel),
            "subscriber": await subscriber_client(channel),
        }
        rest_clients: dict[str, Any] = {
            "tasks": await asyncio.to_thread(clients.tasks_client, http),
            "publisher": await asyncio.to_thread(clients.publisher, http),
            "subscriber": await asyncio.to_thread(clients.subscriber, http),
        }
        for client in rest_clients.values():
            stack.callback(client.transport.close)
        plain = HttpDriver(dict.fromkeys(rest_clients, f"http://{http}"))
        stack.callback(plain.session.close)
        yield Service(
            project="sidelane-local",
            location="us-central1",
            run="",
            drivers={"grpc": GrpcDriver(grpc_clients), "rest": RestClientDriver(rest_clients), "http": plain},
            now=clock.now,
            advance=clock.advance,
        )


@asynccontextmanager
async def real() -> AsyncIterator[Service]:
    """Google's own service in `PROJECT`, with the credentials that google.auth finds. It costs money."""

    def cannot(_: float) -> None:
        raise AssertionError("a row that moves the clock is for the emulator alone")

    def session() -> AuthorizedSession:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
        return AuthorizedSession(credentials)

    def rest_clients() -> Mapping[str, object]:
        return {
            "tasks": CloudTasksClient(transport="rest"),
            "publisher": PublisherClient(transport="rest"),
            "subscriber": SubscriberClient(transport="rest"),
        }

    grpc_clients = {
        "tasks": CloudTasksAsyncClient(),
        "publisher": PublisherAsyncClient(),
        "subscriber": SubscriberAsyncClient(),
    }
    hosts = {
        "tasks": "https://cloudtasks.googleapis.com",
        "publisher": "https://pubsub.googleapis.com",
        "subscriber": "https://pubsub.googleapis.com",
    }
    yield Service(
        project=PROJECT,
        location=LOCATION,
        run=uuid.uuid4().hex[:8],
        drivers={
            "grpc": GrpcDriver(grpc_clients),
            "rest": RestClientDriver(await asyncio.to_thread(rest_clients)),
            "http": HttpDriver(hosts, await asyncio.to_thread(session)),
        },
        now=time.time,
        advance=cannot,
    )
