"""The whole way on one machine: emulator and dead-letter function here, handlers in their own process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio
from google.cloud.tasks_v2 import CloudTasksAsyncClient, ListQueuesRequest, ListTasksRequest
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cli.up import dead_letter_subscriptions, dead_letter_topics, queue_resources
from contracts import TASK_TYPES, Catalog, TaskRegistry, WebhookKind
from emulator import Emulator, EmulatorSettings, End, HttpRequest
from emulator.http_sender import HttpSender
from emulator.http_server import HttpServer
from handlers.dead_letters.function import DeadLetterFunction
from handlers.settings import HandlerSettings
from producers import Producer
from stores import DeadLetters, Endpoint, Filter, Kept, Key, Ledger, Row
from stores.sqlite import SqliteStores, open_sqlite
from tests.receiver import Receiver, receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DEADLINE = 45.0
"""Seconds in which everything must have come to its end."""

CATALOG = """
defaults:
  rate_limits: {max_dispatches_per_second: 500, max_concurrent_dispatches: 20}
  retry_rate_limits: {max_dispatches_per_second: 500, max_concurrent_dispatches: 20}
  retry: {max_attempts: -1, min_backoff: "0.1s", max_backoff: "1s", max_doublings: 3}
  delivery:
    max_attempts: 3
    schedule: ["0.1s"]
    jitter: 0
    bug_attempts: 3
    max_starts: 5
    age_limit: "3600s"
    skew_age: "1s"
    skew_delay: "1s"
    deadline: "5s"
    realtime: false
    max_concurrent_per_target: 8
  dispatch_deadline: "20s"
  inline_limit_bytes: 200000
  dead_letter_topic: webhooks-dead
queues:
  developer-webhooks: {}
  developer-webhooks-realtime:
    delivery: {realtime: true}
"""


@dataclass
class Signal:
    """Told whenever something happened that may have changed the state of the world."""

    event: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not await holds():
                await self.event.wait()
                self.event.clear()


class WatchedSender(HttpSender):
    def __init__(self, signal: Signal) -> None:
        super().__init__(connections=100)
        self._signal = signal

    async def send(self, request: HttpRequest, deadline: float) -> End:
        try:
            return await super().send(request, deadline)
        finally:
            self._signal.event.set()


class HandlersProcess:
    """The handlers service, started again whenever it ends. Its socket is ours and stays open."""

    def __init__(self, factory: str, log: Path) -> None:
        self._factory = factory
        self._log = log
        self.deaths = 0

    async def open(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://{}:{}".format(*self._socket.getsockname())

    async def start(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}
        self._child = await self._spawn()
        self._watch = asyncio.create_task(self._start_again())

    async def terminate(self) -> None:
        """SIGTERM, as Cloud Run sends it; return when the process has ended."""
        self._child.send_signal(signal.SIGTERM)
        await self._child.wait()

    async def aclose(self) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        if self._child.returncode is None:
            self._child.kill()
            await self._child.wait()
        self._socket.close()

    async def _start_again(self) -> None:
        while True:
            await self._child.wait()
            self.deaths += 1
            self._child = await self._spawn()

    async def _spawn(self) -> asyncio.subprocess.Process:
        number = self._socket.fileno()
        argv = [sys.executable, "-m", "uvicorn", self._factory, "--factory", "--fd", str(number)]
        argv += ["--timeout-graceful-shutdown", "1"]
        log = await asyncio.to_thread(self._log.open, "ab")
        try:
            return await asyncio.create_subprocess_exec(
                *argv,
                env=self._environment,
                pass_fds=[number],
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
            )
        finally:
            log.close()


@dataclass(kw_only=True)
class World:
    receiver: Receiver
    stores: SqliteStores
    producer: Producer
    handlers: HandlersProcess
    emulator: Emulator
    settings: HandlerSettings
    tasks: CloudTasksAsyncClient
    signal: Signal

    @property
    def ledger(self) -> Ledger:
        return self.stores.ledger

    @property
    def dead_letters(self) -> DeadLetters:
        return self.stores.dead_letters

    async def register(self, uid: str, path: str, kinds: Iterable[WebhookKind]) -> None:
        for kind in kinds:
            await self.stores.directory.put_endpoint(
                Endpoint(uid=uid, kind=kind, url=self.receiver.url + path, secret=SECRET)
            )

    async def row(self, key: Key) -> Row | None:
        return await self.ledger.read(key)

    async def letters(self) -> dict[str, Kept]:
        """By identity."""
        return {kept.letter.identity: kept for kept in await self.dead_letters.find(Filter(), limit=1000)}

    async def waiting(self) -> int:
        """Tasks in all queues, those under way included."""
        parent = f"projects/{self.settings.project}/locations/{self.settings.location}"
        count = 0
        async for queue in await self.tasks.list_queues(request=ListQueuesRequest(parent=parent)):
            async for _ in await self.tasks.list_tasks(request=ListTasksRequest(parent=queue.name)):
                count += 1
        return count

    async def drained(self) -> None:
        """Until no queue holds a task."""
        async with asyncio.timeout(DEADLINE):
            while await self.waiting():
                continue


@asynccontextmanager
async def world(
    folder: Path, catalog: Catalog, catalog_file: Path, *, factory: str, environment: Mapping[str, str]
) -> AsyncIterator[World]:
    """Everything is open and empty; `factory` is the handlers' app, told `environment` besides."""
    happened = Signal()
    async with AsyncExitStack() as stack:
        handlers = HandlersProcess(factory, folder / "handlers.log")
        await handlers.open()
        function_server = HttpServer("127.0.0.1", 0)
        dead_letter_url = f"http://127.0.0.1:{function_server.bind()}/"
        settings = HandlerSettings(
            queues_file=catalog_file,
            database=folder / "stores.sqlite3",
            handlers_url=handlers.url,
            dead_letter_url=dead_letter_url,
        )
        parent = f"projects/{settings.project}/locations/{settings.location}"
        sender = WatchedSender(happened)
        await sender.open()
        stack.push_async_callback(sender.aclose)
        emulator = Emulator(
            EmulatorSettings(data_dir=folder / "emulator", tasks_port=0, pubsub_port=0, http_port=0),
            queues=queue_resources(catalog, parent),
            topics=dead_letter_topics(catalog, settings.project),
            subscriptions=dead_letter_subscriptions(catalog, settings.project, push_to=dead_letter_url),
            sender=sender,
        )
        await emulator.open()
        stack.push_async_callback(emulator.aclose)
        settings = settings.model_copy(
            update={
                "cloud_tasks_emulator_host": emulator.addresses.tasks,
                "pubsub_emulator_host": emulator.addresses.pubsub,
                "oidc_certs_url": f"http://{emulator.addresses.http}/oauth2/v1/certs",
            }
        )
        function = DeadLetterFunction(lambda: settings)
        stack.push_async_callback(function.aclose)
        await function_server.open(_served(function))
        stack.push_async_callback(function_server.aclose)
        stores = await stack.enter_async_context(open_sqlite(settings.database))
        producer = await stack.enter_async_context(Producer(settings, catalog, TaskRegistry(TASK_TYPES)))
        target = await stack.enter_async_context(receiver())
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(emulator.addresses.tasks))
        await handlers.start({**_variables(settings), **environment})
        stack.push_async_callback(handlers.aclose)
        yield World(
            receiver=target,
            stores=stores,
            producer=producer,
            handlers=handlers,
            emulator=emulator,
            settings=settings,
            tasks=CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel)),
            signal=happened,
        )


def _served(function: DeadLetterFunction) -> Starlette:
    async def endpoint(request: Request) -> Response:
        return await function(request)

    return Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])])


def _variables(settings: HandlerSettings) -> dict[str, str]:
    """The settings as a process reads them."""
    return {
        "CLOUD_TASKS_EMULATOR_HOST": str(settings.cloud_tasks_emulator_host),
        "PUBSUB_EMULATOR_HOST": str(settings.pubsub_emulator_host),
        "SIDELANE_OIDC_CERTS_URL": settings.oidc_certs_url,
        "SIDELANE_QUEUES_FILE": str(settings.queues_file),
        "SIDELANE_DATABASE": str(settings.database),
        "SIDELANE_HANDLERS_URL": settings.handlers_url,
        "SIDELANE_DEAD_LETTER_URL": settings.dead_letter_url,
    }
