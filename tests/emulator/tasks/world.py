"""Queues, tasks and dispatcher in virtual time on a store file that outlives them, watched by a model."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from google.cloud.tasks_v2 import Queue

from emulator import End, Failure, FailureReason, HttpRequest, StoreError, VirtualClock
from emulator.engine.faults import CrashPoint
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks import SCHEMA
from emulator.tasks.dead_tasks import DeadTasks
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.queues import Queues
from emulator.tasks.tasks import Tasks
from tests.emulator.running import OTHER_QUEUE, QUEUE, queue
from tests.emulator.tasks.model import (
    CONCURRENT,
    MAX_ATTEMPTS,
    MAX_BACKOFF,
    MIN_BACKOFF,
    RATE,
    TOMBSTONE_TTL,
    Bucket,
    Key,
    Model,
)

QUEUES = (QUEUE, OTHER_QUEUE)


@dataclass(frozen=True)
class OnDisk:
    """A task that has not ended, as the database has it."""

    number: int
    due: float
    failures: int


class WatchedTarget:
    """Answers every request with `answer`, or holds it where that is None; tells the model."""

    def __init__(self, model: Model, clock: VirtualClock) -> None:
        self._model = model
        self._clock = clock
        self.answer: End | None = None
        self.held: list[asyncio.Future[End]] = []

    async def send(self, request: HttpRequest, deadline: float) -> End:
        task_id = request.headers["X-CloudTasks-TaskName"]
        attempt = self._model.dispatched((request.source, task_id), self._clock.now())
        end = self.answer
        if end is None:
            held: asyncio.Future[End] = asyncio.get_running_loop().create_future()
            self.held.append(held)
            try:
                end = await held
            finally:
                self.held.remove(held)
        self._model.ended(attempt, end, self._clock.now())
        return end

    def release(self, end: End) -> None:
        for held in self.held:
            held.set_result(end)


class World:
    """`crash_at`: the next write to the store dies there, and time stands still after it."""

    def __init__(self, folder: Path, key_file: Path) -> None:
        self._path = folder / "tasks.db"
        self.clock = VirtualClock()
        self.model = Model({name: Bucket(self.clock.now()) for name in QUEUES})
        self.target = WatchedTarget(self.model, self.clock)
        self._issuer = TokenIssuer(key_file, clock=self.clock)
        self.crash_at: CrashPoint | None = None
        self._has_crashed = False

    async def open(self, before_start: Callable[[dict[Key, OnDisk]], None] = lambda _: None) -> None:
        """`before_start` gets what is on disk before any of it goes."""
        self.store = Store(self._path, schema=SCHEMA, at_write=self._at_write)
        await self.store.open()
        self.dispatcher = Dispatcher(
            self.store, self.clock, self.target, self._issuer, max_in_flight=8, max_forced=2
        )
        self.queues = Queues(self.store, self.clock, self.dispatcher, tombstone_ttl=0)
        self.tasks = Tasks(self.store, self.clock, self.dispatcher, self.queues, tombstone_ttl=TOMBSTONE_TTL)
        self.dead = DeadTasks(self.store, self.clock, self.dispatcher, self.queues)
        await self.queues.open()
        if not list(self.queues):
            await self.make_queues(*QUEUES)
        before_start(await self.pending())
        self.queues.start()
        await self.quiet()

    async def make_queues(self, *names: str) -> None:
        limits = {"max_dispatches_per_second": RATE, "max_concurrent_dispatches": CONCURRENT}
        retry = {
            "max_attempts": MAX_ATTEMPTS,
            "min_backoff": {"seconds": int(MIN_BACKOFF)},
            "max_backoff": {"seconds": int(MAX_BACKOFF)},
        }
        await self.queues.ensure(
            [Queue.pb(queue(name, retry_config=retry, rate_limits=limits)) for name in names]
        )

    async def close(self) -> None:
        """As a process ends that has no time: what is under way is cut off."""
        await self.dispatcher.aclose(grace=0)
        await self.store.aclose()
        self.model.restarted(self.clock.now())
        self.crash_at, self._has_crashed = None, False

    async def quiet(self) -> None:
        """Return once nothing happens any more at this moment but what the target holds."""
        dispatcher = self.dispatcher
        while dispatcher._to_look_at or len(dispatcher._running) > len(self.target.held):
            await self.store.read(lambda _: None)  # a turn of the store, and so of the event loop

    async def advance(self, seconds: float) -> None:
        """Let time pass, and at each moment everything happen that does."""
        end = self.clock.now() + seconds
        await self.quiet()
        while (moment := self.clock.next_call()) is not None and moment <= end:
            if self._has_crashed:
                return
            self.clock.advance_to(moment)
            await self.quiet()
        self.clock.advance_to(end)

    async def pending(self) -> dict[Key, OnDisk]:
        """What is on disk and has not ended."""
        return await self.store.read(_pending)

    async def dead_keys(self) -> set[Key]:
        return {(dead.queue, dead.task_id) for dead in await self.dead.page(None, after=0, limit=1000)}

    def known_in_memory(self, name: str) -> set[int]:
        dispatch = self.queues.get(name).dispatch
        return {*dispatch._due, *dispatch._under_way}

    def _at_write(self, point: CrashPoint, _writes: int) -> None:
        if point is self.crash_at:
            self._has_crashed = True
            raise StoreError("a crash")


def timeout() -> End:
    return Failure(FailureReason.TIMEOUT, "too slow")


def _pending(connection: sqlite3.Connection) -> dict[Key, OnDisk]:
    rows = connection.execute(
        "SELECT queues.name, task_id, tasks.id, schedule_time, dispatch_count "
        "FROM tasks JOIN queues ON queues.id = queue WHERE ended_at IS NULL"
    )
    return {(name, task_id): OnDisk(*rest) for name, task_id, *rest in rows}
