"""Starts the attempts of the tasks that go now, or that RunTask names; it never decides what goes when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import grpc

from emulator.engine.clock import Clock, Timer
from emulator.engine.exchange import Sender
from emulator.errors import ApiError, StoreClosedError
from emulator.fault_switches import FaultSwitches
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks import tables
from emulator.tasks.attempt_runner import AttemptRunner
from emulator.tasks.fresh_rows import FreshRows
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.tables import TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherStatistics:
    """Dispatches since the start, and those under way or being recorded, at most `max_in_flight`.

    Those that RunTask forced are counted apart, at most `max_forced_in_flight`. `dead_dropped_total`: dead
    tasks that left for newer ones. `fresh`: rows of new tasks kept in memory, at most `max_fresh`.
    """

    in_flight: int
    max_in_flight: int
    forced_in_flight: int
    max_forced_in_flight: int
    dispatched_total: int
    completed_total: int
    failed_total: int
    exhausted_total: int
    dead_dropped_total: int
    fresh: int
    max_fresh: int


class Dispatcher:
    """Takes what goes now from the queues, sends it, and records the end before the task goes again.

    All queues together have at most `max_in_flight` attempts. A queue takes no more of them than it leaves
    free, so one whose target hangs cannot take them all; a queue that found none looks again at the next
    free one. Beside them there are at most `max_forced` attempts that RunTask began; one more is refused.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        sender: Sender,
        issuer: TokenIssuer,
        *,
        max_in_flight: int,
        max_forced: int = 100,
        faults: FaultSwitches | None = None,
        app_engine_url: str | None = None,
        throttling: bool = False,
    ) -> None:
        self._store = store
        self._clock = clock
        self._runner = AttemptRunner(
            store, clock, sender, issuer, app_engine_url=app_engine_url, throttling=throttling
        )
        self._fresh = FreshRows()
        self._unread: list[tuple[LiveQueue, list[int], float]] = []  # taken and not yet read, and when
        self._is_reading = False
        self._faults = faults
        self._max_in_flight = max_in_flight
        self._free = max_in_flight
        self._max_forced = max_forced
        self._forced = 0
        self._timers: dict[int, Timer] = {}
        self._to_look_at: dict[int, LiveQueue] = {}
        self._without_slot: dict[int, LiveQueue] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._closed = False

    async def aclose(self, grace: float) -> None:
        """Dispatch no more; what is under way may end within `grace` seconds, the rest goes again later."""
        self._closed = True
        self._changed.set()
        for timer in self._timers.values():
            timer.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def add(self, queue: LiveQueue, row: TaskRow) -> None:
        """A task that was created, and is on disk: it waits for its turn from now on."""
        queue.dispatch.add(row.key, row.schedule_time)
        self._fresh.keep(row)
        self.look(queue)

    def look(self, queue: LiveQueue) -> None:
        """Something changed about the queue or its tasks: dispatch what goes now, at the loop's next turn."""
        if not self._to_look_at:
            asyncio.get_running_loop().call_soon(self._look_at_all)
        self._to_look_at[queue.key] = queue

    def force(self, queue: LiveQueue, row: TaskRow) -> bool:
        """Attempt the task at once: paused or not, over rate and concurrency, beside an attempt under way.

        False if the task ended meanwhile. Raises RESOURCE_EXHAUSTED where too many forced attempts are under
        way, StoreClosedError where dispatching has ended.
        """
        if self._closed:
            raise StoreClosedError
        if self._forced >= self._max_forced:
            raise ApiError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"Quota exceeded: {self._max_forced} tasks that RunTask forced are under way in the Sidelane "
                f"emulator. Wait until one of them ends.",
            )
        now = self._clock.now()
        others = len(queue.dispatch.under_way(row.key))
        if not queue.dispatch.force(row.key, now):
            return False
        self._forced += 1
        self._fresh.pop(row.key, row.schedule_time)
        forced = replace(
            row,
            schedule_time=min(row.schedule_time, now),
            attempts=replace(row.attempts, dispatch_count=row.attempts.dispatch_count + others),
        )
        self._run(self._forced_attempt(queue, forced, now))
        return True

    def forget(self, queue: LiveQueue) -> None:
        """The queue was deleted with its tasks; what is in flight ends."""
        queue.dispatch.discard_all()
        self._to_look_at.pop(queue.key, None)
        self._without_slot.pop(queue.key, None)
        if timer := self._timers.pop(queue.key, None):
            timer.cancel()
        self._changed.set()

    async def drained(self, queues: Callable[[], Iterable[LiveQueue]]) -> None:
        """Return once all `queues` are idle at a time. Raises StoreClosedError when dispatching ends."""
        while not all(queue.dispatch.is_idle for queue in queues()):
            if self._closed:
                raise StoreClosedError
            self._changed.clear()
            await self._changed.wait()

    def statistics(self) -> DispatcherStatistics:
        tally = self._runner.tally
        return DispatcherStatistics(
            in_flight=self._max_in_flight - self._free,
            max_in_flight=self._max_in_flight,
            forced_in_flight=self._forced,
            max_forced_in_flight=self._max_forced,
            dispatched_total=tally.dispatched,
            completed_total=tally.completed,
            failed_total=tally.failed,
            exhausted_total=tally.exhausted,
            dead_dropped_total=tally.dead_dropped,
            fresh=len(self._fresh),
            max_fresh=self._fresh.max_rows,
        )

    def _look_at_all(self) -> None:
        queues, self._to_look_at = self._to_look_at, {}
        for queue in queues.values():
            self._look_at(queue)
        self._changed.set()

    def _look_at(self, queue: LiveQueue) -> None:
        if self._closed:
            return
        if timer := self._timers.pop(queue.key, None):
            timer.cancel()
        now = self._clock.now()
        if self._faults is not None and self._faults.reorders(queue.name):
            queue.dispatch.shuffle_due(now, self._faults.chance)
        in_flight = queue.dispatch.statistics().in_flight
        slots = max(0, (self._free - in_flight + 1) // 2)
        taken = queue.dispatch.take(now, slots=slots)
        if taken:
            self._free -= len(taken)
            self._begin(queue, taken, now)
        again = queue.dispatch.look_again_at(now)
        if again is None:
            return
        if len(taken) == slots and again <= now:
            self._without_slot[queue.key] = queue
        else:
            self._timers[queue.key] = self._clock.call_at(again, lambda: self.look(queue))

    def _begin(self, queue: LiveQueue, taken: Sequence[tuple[int, float]], now: float) -> None:
        """Attempt the tasks, those first whose row need not be read."""
        unread: list[int] = []
        for key, due in taken:
            row = self._fresh.pop(key, due)
            if row is None:
                unread.append(key)
            else:
                self._run(self._attempt(queue, row, now))
        if unread:
            self._unread.append((queue, unread, now))
        if self._unread and not self._is_reading:
            self._is_reading = True
            self._run(self._read_and_attempt())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _read_and_attempt(self) -> None:
        """Read tasks, and attempt each that still exists; what is taken meanwhile makes up the next read."""
        while self._unread:
            batch, self._unread = self._unread, []
            wanted = [key for _, keys, _ in batch for key in keys]
            try:
                found = await self._store.read(partial(tables.find_tasks, keys=wanted))
            except Exception as exc:  # the tasks must go again whatever fails here
                for queue, keys, began in batch:
                    self._runner.put_back(queue, keys, exc)
                    self._release(queue, keys, began)
                continue
            rows = {} if self._closed else {row.key: row for row in found}
            for queue, keys, began in batch:
                for key in keys:  # in the order in which they were taken
                    if key in rows:
                        self._run(self._attempt(queue, rows[key], began))
                self._release(queue, [key for key in keys if key not in rows], began)
        self._is_reading = False

    async def _attempt(self, queue: LiveQueue, row: TaskRow, began: float) -> None:
        """One attempt of one task, from its request to its record.

        Its place in the queue's concurrency is free once the target answered, its place among all attempts
        once that is on disk.
        """
        try:
            end = await self._runner.send(queue, row)
            queue.dispatch.finish(row.key)
            self.look(queue)
            await self._runner.record(queue, row, end, began=began)
        finally:
            self._release(queue, [row.key], began)

    async def _forced_attempt(self, queue: LiveQueue, row: TaskRow, began: float) -> None:
        """As `_attempt`, beside every limit but that of forced ones."""
        try:
            end = await self._runner.send(queue, row)
            await self._runner.record(queue, row, end, began=began, forced_at=began)
        finally:
            queue.dispatch.settle(row.key, began)
            self._forced -= 1
            self.look(queue)

    def _release(self, queue: LiveQueue, keys: Sequence[int], began: float) -> None:
        """The attempts that began then are over."""
        for key in keys:
            queue.dispatch.finish(key)
            queue.dispatch.settle(key, began)
        self.look(queue)
        self._free_slots(len(keys))

    def _free_slots(self, count: int) -> None:
        self._free += count
        queues, self._without_slot = self._without_slot, {}
        for queue in queues.values():
            self.look(queue)
