"""Puts the emulator together: store, Cloud Tasks, Pub/Sub and their ports, opened and closed in order."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from google.cloud.tasks_v2 import types as tasks_types
from google.pubsub_v1 import types as pubsub_types

from emulator import pubsub, tasks
from emulator.addresses import Addresses
from emulator.drain import Drain
from emulator.engine.clock import Clock, SystemClock
from emulator.engine.exchange import Sender
from emulator.fault_switches import FaultSwitches, FaultySender, stop_writing
from emulator.grpc_server import GrpcServer
from emulator.in_process import InProcessChannel
from emulator.oidc import TokenIssuer
from emulator.pubsub import PubSub
from emulator.store import Store
from emulator.tasks import TasksService, TasksSettings

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from emulator.control import ControlApi
    from emulator.http_sender import HttpSender
    from emulator.http_server import HttpServer
    from emulator.rest import RestApi


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """Where the emulator keeps its files and listens. Port 0 takes any free one, None serves none."""

    data_dir: Path | None = None
    """None: a temporary folder, gone when the emulator closes."""
    key_file: Path | None = None
    """Of the key that signs tokens; made if missing. None: in `data_dir`."""
    host: str = "127.0.0.1"
    tasks_port: int | None = 8123
    pubsub_port: int | None = 8085
    http_port: int | None = 8124
    tasks: TasksSettings = field(default_factory=TasksSettings)


_EMBEDDED = EmulatorSettings(tasks_port=None, pubsub_port=None, http_port=None)


class Emulator:
    """Cloud Tasks and Pub/Sub on one machine, durable in `settings.data_dir`.

    Without settings it is for this process alone: no port, and a temporary folder.

    `queues`, `topics` and `subscriptions` are made sure of at each start: what is missing is created, what
    exists gets these settings, and a queue stays paused or not. A given sender is the caller's to open and
    close; without one, dispatches and pushes go over HTTP. `die` ends the process where a crash that was
    switched on strikes; without it the store stops writing and the emulator can be closed. `chance` draws
    the faults.

    While it is open, `addresses`, `data_dir`, `tasks`, `pubsub`, `faults` and `channel` are there.
    """

    def __init__(
        self,
        settings: EmulatorSettings | None = None,
        *,
        queues: Sequence[tasks_types.Queue] = (),
        topics: Sequence[pubsub_types.Topic] = (),
        subscriptions: Sequence[pubsub_types.Subscription] = (),
        clock: Clock | None = None,
        sender: Sender | None = None,
        die: Callable[[], None] = stop_writing,
        chance: random.Random | None = None,
    ) -> None:
        self._settings = settings or _EMBEDDED
        self._queues = queues
        self._topics = topics
        self._subscriptions = subscriptions
        self._sender = sender
        self._stack = AsyncExitStack()
        self.clock = clock or SystemClock()
        self.faults = FaultSwitches(chance or random.Random(), die=die)  # noqa: S311 - no secret

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Serve and dispatch from now on.

        Raises PortInUseError, StoreError, or ApiError for a queue, topic or subscription that is not valid.
        """
        settings = self._settings
        async with AsyncExitStack() as stack:
            http: HttpServer | None = None
            if settings.http_port is not None:
                module = await _loaded("emulator.http_server")
                http = module.HttpServer(settings.host, settings.http_port)
                stack.callback(http.unbind)
            tasks_grpc = self._grpc_server(stack, "Cloud Tasks", settings.tasks_port)
            pubsub_grpc = self._grpc_server(
                stack,
                "Pub/Sub",
                settings.pubsub_port,
                ("grpc.max_receive_message_length", pubsub.SERVER_MESSAGE_BYTES),
            )
            self.addresses = Addresses(
                http=self._bind(http), tasks=self._bind(tasks_grpc), pubsub=self._bind(pubsub_grpc)
            )
            await self._open_services(stack)
            if http is not None:
                apis = {"/v2": self.tasks.rest(), "/v1": self.pubsub.rest()}
                control = await self._control_api()
                await http.open(await self._http_app(apis, control))
                stack.push_async_callback(http.aclose)
                for api in apis.values():
                    stack.push_async_callback(api.aclose)
                stack.push_async_callback(control.aclose)
            for server, add_to in ((tasks_grpc, self.tasks.add_to), (pubsub_grpc, self.pubsub.add_to)):
                if server is not None:
                    await server.open(add_to)
                    stack.push_async_callback(server.aclose)
            stack.push_async_callback(self.pubsub.end_streams)
            self._stack = stack.pop_all()

    async def aclose(self) -> None:
        """Take no more calls, let what is under way end for some seconds, record it and close."""
        await self._stack.aclose()

    async def drain(self, *, timeout: float = 30.0) -> None:
        """Return once no task waits and no message is left to push; on a VirtualClock it jumps there.

        What waits in a paused queue does not count, nor do messages that are to be pulled. Raises
        NotIdleError after `timeout` seconds of real time, naming what still waits.
        """
        await self._drain.wait(timeout)

    async def _open_services(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        folder = settings.data_dir
        if folder is None:
            temporary = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="sidelane-")
            stack.push_async_callback(asyncio.to_thread, temporary.cleanup)
            folder = Path(temporary.name)
        self.data_dir = folder
        self._store = Store(
            folder / "emulator.db", schema=(*tasks.SCHEMA, *pubsub.SCHEMA), at_write=self.faults.at_write
        )
        await self._store.open()
        stack.push_async_callback(self._store.aclose)
        self._issuer = TokenIssuer(settings.key_file or folder / "oidc-key.pem", clock=SystemClock())
        await self._issuer.open()
        sender = FaultySender(self._sender or await self._http_sender(stack), self.faults, self.clock)
        self.tasks = TasksService(
            self._store,
            clock=self.clock,
            issuer=self._issuer,
            sender=sender,
            settings=settings.tasks,
            faults=self.faults,
        )
        await self.tasks.open([tasks_types.Queue.pb(queue) for queue in self._queues])
        stack.push_async_callback(self.tasks.aclose)
        self.pubsub = PubSub(self._store, clock=self.clock, issuer=self._issuer, sender=sender)
        await self.pubsub.open()
        stack.push_async_callback(self.pubsub.aclose)
        await self.pubsub.ensure(self._topics, self._subscriptions)
        self._drain = Drain(self._store, self.clock, self.tasks, self.pubsub, self.faults)
        self.channel = InProcessChannel([*self.tasks.services(), *self.pubsub.services()])

    async def _http_sender(self, stack: AsyncExitStack) -> Sender:
        module = await _loaded("emulator.http_sender")
        most = self._settings.tasks.max_in_flight + self._settings.tasks.max_forced_in_flight
        sender: HttpSender = module.HttpSender(connections=most, clock=self.clock)
        await sender.open()
        stack.push_async_callback(sender.aclose)
        return sender

    async def _control_api(self) -> ControlApi:
        module = await _loaded("emulator.control")
        control: ControlApi = module.ControlApi(
            tasks=self.tasks, faults=self.faults, clock=self.clock, drain=self._drain
        )
        return control

    async def _http_app(self, apis: Mapping[str, RestApi], control: ControlApi) -> Starlette:
        http, overview = await _loaded("emulator.http"), await _loaded("emulator.overview")
        app: Starlette = http.create_app(
            issuer=self._issuer,
            addresses=self.addresses,
            statistics={
                "store": self._store.statistics,
                "tasks": self.tasks.statistics,
                "batches": self.tasks.batch_statistics,
                "queue": self.tasks.stats_by_queue,
                "pubsub": self.pubsub.statistics,
                "oidc": self._issuer.statistics,
                "faults": self.faults.statistics,
                "tasks_rest": apis["/v2"].statistics,
                "pubsub_rest": apis["/v1"].statistics,
            },
            tables=lambda: overview.overview(self.tasks, self.pubsub),
            apis={**apis, "/emulator/v1": control.app()},
        )
        return app

    def _grpc_server(
        self, stack: AsyncExitStack, service: str, port: int | None, *options: tuple[str, Any]
    ) -> GrpcServer | None:
        if port is None:
            return None
        server = GrpcServer(service, self._settings.host, port, options=options)
        stack.push_async_callback(server.unbind)
        return server

    def _bind(self, server: GrpcServer | HttpServer | None) -> str:
        """The address, or nothing without a server."""
        if server is None:
            return ""
        host = self._settings.host
        return f"[{host}]:{server.bind()}" if ":" in host else f"{host}:{server.bind()}"


async def _loaded(module: str) -> Any:
    """A module that not every emulator needs, imported off the event loop."""
    return await asyncio.to_thread(import_module, module)
