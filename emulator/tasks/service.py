"""Puts Cloud Tasks together: its gRPC service on the store, and its dispatch; the parts do the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import grpc.aio

from emulator.engine.clock import Clock
from emulator.engine.dispatch_queue import DispatchQueueStatistics
from emulator.engine.exchange import Sender
from emulator.fault_switches import FaultSwitches
from emulator.grpc_api import Methods, Service
from emulator.iam import Policies
from emulator.oidc import TokenIssuer
from emulator.rest import RestApi
from emulator.store import Store
from emulator.tasks import rest
from emulator.tasks.api import CloudTasks
from emulator.tasks.batch import Batches, BatchStatistics
from emulator.tasks.cmek import CmekConfigs
from emulator.tasks.dead_rows import DeadTask
from emulator.tasks.dead_tasks import DeadTasks
from emulator.tasks.dispatcher import Dispatcher, DispatcherStatistics
from emulator.tasks.history import AttemptRecord
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.locations import Locations
from emulator.tasks.messages import PAUSED, Pb
from emulator.tasks.operations import Operations
from emulator.tasks.queue_stats import QueueStats, queue_stats
from emulator.tasks.queues import Queues, require_queue
from emulator.tasks.retention import Retention
from emulator.tasks.tasks import Tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksSettings:
    """How Cloud Tasks behaves on this machine. Durations are seconds."""

    task_tombstone_ttl: float = 3600.0
    """For which the name of a task that ended stays taken; production says up to 24 hours."""
    queue_tombstone_ttl: float = 0.0
    """For which the name of a deleted queue stays taken; production says up to 7 days."""
    locations: tuple[str, ...] = ("us-central1",)
    """That ListLocations answers for every project, beside those of its queues."""
    max_in_flight: int = 2000
    """Attempts under way at a time, all queues together."""
    max_forced_in_flight: int = 100
    """Attempts that RunTask began, under way at a time beside the others; production allows 60 a minute."""
    throttling: bool = False
    """Whether 429, 503 and Retry-After from a target slow its queue down, as in production."""
    shutdown_grace: float = 3.0
    """For which attempts under way may end when the emulator closes."""
    app_engine_url: str | None = None
    """Where App Engine tasks go (`http://HOST:PORT`), whatever service they name; without it they fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSummary:
    """One queue, for people."""

    name: str
    paused: bool
    dispatch: DispatchQueueStatistics


class TasksService:
    """Google Cloud Tasks v2 on a store opened with `SCHEMA`. Open it after the store, issuer and sender.

    What a call acknowledged is on disk. Delivery is at least once: a dispatch cut off by the end of the
    process is sent again after the next start.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        issuer: TokenIssuer,
        sender: Sender,
        settings: TasksSettings,
        faults: FaultSwitches | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._dispatcher = Dispatcher(
            store,
            clock,
            sender,
            issuer,
            max_in_flight=settings.max_in_flight,
            max_forced=settings.max_forced_in_flight,
            app_engine_url=settings.app_engine_url,
            throttling=settings.throttling,
            faults=faults,
        )
        self._queues = Queues(store, clock, self._dispatcher, tombstone_ttl=settings.queue_tombstone_ttl)
        self._retention = Retention(
            store, clock, self._dispatcher, self._queues, tombstone_ttl=settings.task_tombstone_ttl
        )
        tasks = Tasks(store, clock, self._dispatcher, self._queues, tombstone_ttl=settings.task_tombstone_ttl)
        self._dead = DeadTasks(store, clock, self._dispatcher, self._queues)
        self._batches = Batches(
            store, clock, self._dispatcher, self._queues, tombstone_ttl=settings.task_tombstone_ttl
        )
        self._operations = Operations(store)
        self._locations = Locations(self._queues, clock, settings.locations)
        self._cmek = CmekConfigs(store)
        self._policies = Policies(store, require_queue)
        self._api = CloudTasks(self._queues, tasks, self._batches, clock)

    async def open(self, queues: Sequence[Pb]) -> None:
        """Take up what the store holds, make sure of `queues` (google.cloud.tasks.v2.Queue), and dispatch.

        A queue that exists gets these settings and stays paused or not. Raises InvalidArgumentError.
        """
        await self._queues.open()
        await self._queues.ensure(queues)
        self._queues.start()
        await self._retention.open()

    async def aclose(self) -> None:
        """End dispatching; what is under way has `shutdown_grace` to end."""
        await self._retention.aclose()
        await self._dispatcher.aclose(self._settings.shutdown_grace)

    def methods(self) -> Mapping[str, Methods]:
        """The calls of each service of the API by the service's full name, mix-ins included."""
        return {
            "google.cloud.tasks.v2.CloudTasks": {
                **self._api.methods(),
                **self._cmek.methods(),
                **self._policies.methods(),
            },
            "google.longrunning.Operations": self._operations.methods(),
            "google.cloud.location.Locations": self._locations.methods(),
        }

    def services(self) -> tuple[Service, ...]:
        """The gRPC services."""
        return tuple(Service(name, methods) for name, methods in self.methods().items())

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve the API on `server`."""
        server.add_generic_rpc_handlers(self.services())

    def rest(self) -> RestApi:
        """The API over REST, for the HTTP port."""
        return RestApi(rest.ROUTES, self.methods(), body_limit=rest.BODY_LIMIT, raw=self._api.raw_routes())

    def queues(self) -> list[QueueSummary]:
        """Every queue, by name."""
        return sorted(
            (
                QueueSummary(
                    name=queue.name,
                    paused=queue.message.state == PAUSED,
                    dispatch=queue.dispatch.statistics(),
                )
                for queue in self._queues
            ),
            key=lambda summary: summary.name,
        )

    def next_dispatch_at(self) -> float | None:
        """When the next task goes, in seconds since the epoch, or None where none goes by itself."""
        now = self._clock.now()
        moments = (queue.dispatch.look_again_at(now) for queue in self._queues)
        return min((moment for moment in moments if moment is not None), default=None)

    async def attempts(self, name: str) -> Sequence[AttemptRecord]:
        """The latest 100 attempts that ended of a task, oldest first; it may have ended of late, or be dead.

        Raises InvalidArgumentError, or NOT_FOUND.
        """
        return await self._dead.attempts(name)

    async def dead(self, queue: str | None = None, *, after: int = 0, limit: int = 100) -> Sequence[DeadTask]:
        """At most `limit` dead tasks of the queue, or of all, in the order of death, after the key `after`.

        A task is dead that the service would have deleted undelivered: its attempts are used up, or it is 31
        days old. Each queue keeps its latest 10,000. Raises InvalidArgumentError, or NOT_FOUND for the queue.
        """
        return await self._dead.page(queue, after=after, limit=limit)

    async def requeue(self, name: str) -> None:
        """Let a dead task go again, now, under its name and with all its attempts before it.

        Where several tasks of that name died, it is the latest. Raises InvalidArgumentError, NOT_FOUND, or
        ALREADY_EXISTS where a task of that name is not dead.
        """
        await self._dead.requeue(name)

    async def discard_dead(self, name: str) -> None:
        """Forget a dead task, of several of that name the latest.

        Raises InvalidArgumentError, or NOT_FOUND.
        """
        await self._dead.discard(name)

    async def drained(self, queues: Sequence[str] = ()) -> None:
        """Return once nothing waits, is under way or is being recorded in these queues, or in any.

        What waits in a paused queue does not count; a task of a later time does. A queue that is deleted
        meanwhile is done. Raises InvalidArgumentError, NOT_FOUND, or StoreClosedError on `aclose`.
        """
        named = [self._queues.get(name) for name in queues]

        def these() -> list[LiveQueue]:
            return [queue for queue in self._queues if not named or queue in named]

        await self._dispatcher.drained(these)

    def queue_stats(self, name: str) -> QueueStats:
        """How the queue is doing at this moment. Raises InvalidArgumentError, or NOT_FOUND."""
        return queue_stats(self._queues.get(name), self._clock.now())

    def stats_by_queue(self) -> Mapping[str, QueueStats]:
        """`queue_stats` of every queue by its full name, for metrics."""
        return {queue.name: queue_stats(queue, self._clock.now()) for queue in self._queues}

    def statistics(self) -> DispatcherStatistics:
        statistics = self._dispatcher.statistics()
        dropped = statistics.dead_dropped_total + self._retention.dead_dropped
        return replace(statistics, dead_dropped_total=dropped)

    def batch_statistics(self) -> BatchStatistics:
        return self._batches.statistics()
