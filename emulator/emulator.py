"""Puts the emulator together: store, Cloud Tasks, Pub/Sub and the HTTP port, opened and closed in order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio
from google.cloud.tasks_v2 import types as tasks_types
from google.pubsub_v1 import types as pubsub_types

from emulator import pubsub, tasks
from emulator.engine.clock import Clock, SystemClock
from emulator.engine.exchange import Sender
from emulator.errors import PortInUseError
from emulator.http import Addresses, Table, create_app
from emulator.http_sender import HttpSender
from emulator.http_server import HttpServer
from emulator.oidc import TokenIssuer
from emulator.pubsub import PubSub
from emulator.store import Store
from emulator.tasks import TasksService, TasksSettings

_CALL_GRACE = 1.0
"""Seconds in which gRPC calls under way may end when the emulator closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """Where the emulator keeps its files and listens. Port 0 takes any free one."""

    data_dir: Path
    host: str = "127.0.0.1"
    tasks_port: int = 8123
    pubsub_port: int = 8085
    http_port: int = 8124
    tasks: TasksSettings = field(default_factory=TasksSettings)


class Emulator:
    """Cloud Tasks and Pub/Sub on one machine, durable in `settings.data_dir`.

    `queues`, `topics` and `subscriptions` are made sure of at each start: what is missing is created, what
    exists gets these settings, and a queue stays paused or not. A given sender is the caller's to open and
    close; without one, dispatches and pushes go over HTTP.
    """

    def __init__(
        self,
        settings: EmulatorSettings,
        *,
        queues: Sequence[tasks_types.Queue] = (),
        topics: Sequence[pubsub_types.Topic] = (),
        subscriptions: Sequence[pubsub_types.Subscription] = (),
        clock: Clock | None = None,
        sender: Sender | None = None,
    ) -> None:
        self._settings = settings
        self._queues = queues
        self._topics = topics
        self._subscriptions = subscriptions
        self._clock = clock or SystemClock()
        self._sender = sender

    async def open(self) -> None:
        """Serve and dispatch from now on.

        Raises PortInUseError, StoreError, or ApiError for a queue, topic or subscription that is not valid.
        """
        async with AsyncExitStack() as stack:
            settings = self._settings
            http_server = HttpServer(settings.host, settings.http_port)
            http = http_server.bind()
            stack.callback(http_server.unbind)
            tasks_server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            pubsub_server = grpc.aio.server(
                options=[
                    ("grpc.so_reuseport", 0),
                    ("grpc.max_receive_message_length", pubsub.SERVER_MESSAGE_BYTES),
                ]
            )
            self.addresses = Addresses(
                tasks=self._bind(tasks_server, "Cloud Tasks", settings.tasks_port),
                pubsub=self._bind(pubsub_server, "Pub/Sub", settings.pubsub_port),
                http=self._address(http),
            )
            await self._open_services(stack)
            self._tasks.add_to(tasks_server)
            self._pubsub.add_to(pubsub_server)
            tasks_rest, pubsub_rest = self._tasks.rest(), self._pubsub.rest()
            app = create_app(
                issuer=self._issuer,
                addresses=self.addresses,
                statistics={
                    "store": self._store.statistics,
                    "tasks": self._tasks.statistics,
                    "pubsub": self._pubsub.statistics,
                    "oidc": self._issuer.statistics,
                    "tasks_rest": tasks_rest.statistics,
                    "pubsub_rest": pubsub_rest.statistics,
                },
                tables=self._tables,
                apis={"/v2": tasks_rest, "/v1": pubsub_rest},
            )
            await http_server.open(app)
            stack.push_async_callback(http_server.aclose)
            for server in (tasks_server, pubsub_server):
                await server.start()
                stack.push_async_callback(server.stop, _CALL_GRACE)
            self._stack = stack.pop_all()

    async def aclose(self) -> None:
        """Take no more calls, let what is under way end for some seconds, record it and close."""
        await self._stack.aclose()

    async def _open_services(self, stack: AsyncExitStack) -> None:
        settings, clock = self._settings, self._clock
        self._store = Store(settings.data_dir / "emulator.db", schema=(*tasks.SCHEMA, *pubsub.SCHEMA))
        await self._store.open()
        stack.push_async_callback(self._store.aclose)
        self._issuer = TokenIssuer(settings.data_dir / "oidc-key.pem", clock=SystemClock())
        await self._issuer.open()
        sender = self._sender
        if sender is None:
            sender = HttpSender(connections=settings.tasks.max_in_flight)
            await sender.open()
            stack.push_async_callback(sender.aclose)
        self._tasks = TasksService(
            self._store, clock=clock, issuer=self._issuer, sender=sender, settings=settings.tasks
        )
        await self._tasks.open([tasks_types.Queue.pb(queue) for queue in self._queues])
        stack.push_async_callback(self._tasks.aclose)
        self._pubsub = PubSub(self._store, clock=clock, issuer=self._issuer, sender=sender)
        await self._pubsub.open()
        stack.push_async_callback(self._pubsub.aclose)
        await self._pubsub.ensure(self._topics, self._subscriptions)

    def _bind(self, server: grpc.aio.Server, service: str, port: int) -> str:
        try:
            return self._address(server.add_insecure_port(self._address(port)))
        except RuntimeError as exc:
            raise PortInUseError(service, self._settings.host, port, "cannot bind") from exc

    def _address(self, port: int) -> str:
        host = self._settings.host
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def _tables(self) -> Sequence[Table]:
        """What the console page shows."""
        queues = [
            (
                queue.name,
                "paused" if queue.paused else "running",
                queue.dispatch.waiting,
                queue.dispatch.in_flight,
                queue.dispatch.max_in_flight,
            )
            for queue in self._tasks.queues()
        ]
        subscriptions = [
            (backlog.subscription, backlog.unacknowledged) for backlog in await self._pubsub.backlogs()
        ]
        return (
            Table(title="Queues", columns=("queue", "state", "waiting", "in flight", "at most"), rows=queues),
            Table(title="Subscriptions", columns=("subscription", "not acknowledged"), rows=subscriptions),
        )
