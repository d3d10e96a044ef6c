"""Sends the tasks that go now to their targets and records how it ended; it never decides what goes when."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from emulator.engine.attempts import Attempts, Completed, Exhausted, RetryAt, Verdict, judge
from emulator.engine.clock import Clock, Timer
from emulator.engine.exchange import End, Failure, FailureReason, Sender
from emulator.errors import NoTargetError, StoreClosedError, StoreError
from emulator.fault_switches import FaultSwitches
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks import tables
from emulator.tasks.dispatch_request import dispatch_request
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.messages import Task
from emulator.tasks.tables import TaskRow
from emulator.tasks.task_resource import retry_of

logger = logging.getLogger(__name__)

_STORE_PAUSE = 1.0
"""Seconds after which a task is tried again whose row could not be read or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherStatistics:
    """Dispatches since the start, and those under way or being recorded, at most `max_in_flight`."""

    in_flight: int
    max_in_flight: int
    dispatched_total: int
    completed_total: int
    failed_total: int
    exhausted_total: int


class Dispatcher:
    """Takes what goes now from the queues, sends it, and records the end before the task goes again.

    All queues together have at most `max_in_flight` attempts. A queue takes no more of them than it leaves
    free, so one whose target hangs cannot take them all; a queue that found none looks again at the next
    free one.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        sender: Sender,
        issuer: TokenIssuer,
        *,
        max_in_flight: int,
        faults: FaultSwitches | None = None,
        app_engine_url: str | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sender = sender
        self._issuer = issuer
        self._faults = faults
        self._app_engine_url = app_engine_url
        self._max_in_flight = max_in_flight
        self._free = max_in_flight
        self._timers: dict[int, Timer] = {}
        self._to_look_at: dict[int, LiveQueue] = {}
        self._without_slot: dict[int, LiveQueue] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False
        self._dispatched = 0
        self._completed = 0
        self._failed = 0
        self._exhausted = 0

    async def aclose(self, grace: float) -> None:
        """Dispatch no more; what is under way may end within `grace` seconds, the rest goes again later."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def look(self, queue: LiveQueue) -> None:
        """Something changed about the queue: dispatch what goes now, at the next turn of the event loop."""
        if not self._to_look_at:
            asyncio.get_running_loop().call_soon(self._look_at_all)
        self._to_look_at[queue.key] = queue

    def forget(self, queue: LiveQueue) -> None:
        """The queue was deleted; what is in flight ends."""
        self._to_look_at.pop(queue.key, None)
        self._without_slot.pop(queue.key, None)
        if timer := self._timers.pop(queue.key, None):
            timer.cancel()

    def statistics(self) -> DispatcherStatistics:
        return DispatcherStatistics(
            in_flight=self._max_in_flight - self._free,
            max_in_flight=self._max_in_flight,
            dispatched_total=self._dispatched,
            completed_total=self._completed,
            failed_total=self._failed,
            exhausted_total=self._exhausted,
        )

    def _look_at_all(self) -> None:
        queues, self._to_look_at = self._to_look_at, {}
        for queue in queues.values():
            self._look_at(queue)

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
            self._run(self._dispatch(queue, taken))
        again = queue.dispatch.look_again_at(now)
        if again is None:
            return
        if len(taken) == slots and again <= now:
            self._without_slot[queue.key] = queue
        else:
            self._timers[queue.key] = self._clock.call_at(again, lambda: self.look(queue))

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _dispatch(self, queue: LiveQueue, taken: list[tuple[int, float]]) -> None:
        """Read the tasks, and attempt each that still exists."""
        keys = [key for key, _ in taken]
        try:
            rows = await self._store.read(lambda connection: tables.find_tasks(connection, keys))
        except StoreError as exc:
            self._release(queue, keys)
            self._put_back(queue, keys, exc)
            return
        if self._closed:
            rows = []
        for row in rows:
            self._run(self._attempt(queue, row))
        found = {row.key for row in rows}
        self._release(queue, [key for key in keys if key not in found])

    async def _attempt(self, queue: LiveQueue, row: TaskRow) -> None:
        """One attempt of one task, from its request to its record.

        Its place in the queue's concurrency is free once the target answered, its place among all attempts
        once that is on disk.
        """
        dispatch_time = self._clock.now()
        self._dispatched += 1
        try:
            end = await self._send(queue, row)
        except asyncio.CancelledError:
            self._release(queue, [row.key])
            raise
        queue.dispatch.finish(row.key)
        self.look(queue)
        now = self._clock.now()
        try:
            task = Task.FromString(row.message)
            attempts = row.attempts.followed_by(
                end,
                schedule_time=row.schedule_time,
                dispatch_time=dispatch_time,
                response_time=now,
                app_engine=task.HasField("app_engine_http_request"),
            )
            retry = retry_of(task, queue.settings.retry)
            await self._record(queue, row, attempts, judge(end, attempts, retry, now=now))
        finally:
            self._free_slots(1)

    async def _send(self, queue: LiveQueue, row: TaskRow) -> End:
        try:
            request, deadline = dispatch_request(
                row, queue.message, self._issuer, app_engine_url=self._app_engine_url
            )
            end = await self._sender.send(request, deadline)
        except NoTargetError as exc:
            end = Failure(FailureReason.UNREACHABLE, str(exc))
        except Exception as exc:  # a task must go again whatever fails here
            logger.exception("could not dispatch task %s of %s", row.task_id, queue.name)
            return Failure(FailureReason.UNREACHABLE, repr(exc))
        if isinstance(end, Failure):
            logger.info("task %s of %s got no answer: %s", row.task_id, queue.name, end.detail)
        return end

    async def _record(self, queue: LiveQueue, row: TaskRow, attempts: Attempts, verdict: Verdict) -> None:
        """Put the end on disk; a task that goes again waits in memory only after that."""
        now = self._clock.now()
        self._count(verdict)
        try:
            if isinstance(verdict, RetryAt):
                again = verdict.schedule_time
                exists = await self._store.write(
                    lambda connection: tables.reschedule_task(
                        connection, row.key, schedule_time=again, attempts=attempts
                    )
                )
                if exists:
                    queue.dispatch.add(row.key, again)
                    self.look(queue)
            else:
                await self._store.write(lambda connection: tables.end_task(connection, row.key, now=now))
                if isinstance(verdict, Exhausted):
                    _log_exhausted(queue, row, attempts)
        except StoreError as exc:
            self._put_back(queue, [row.key], exc)

    def _count(self, verdict: Verdict) -> None:
        self._completed += isinstance(verdict, Completed)
        self._failed += isinstance(verdict, RetryAt | Exhausted)
        self._exhausted += isinstance(verdict, Exhausted)

    def _release(self, queue: LiveQueue, keys: Sequence[int]) -> None:
        """These tasks are no longer in flight, without an attempt to record."""
        for key in keys:
            queue.dispatch.finish(key)
        self.look(queue)
        self._free_slots(len(keys))

    def _free_slots(self, count: int) -> None:
        self._free += count
        queues, self._without_slot = self._without_slot, {}
        for queue in queues.values():
            self.look(queue)

    def _put_back(self, queue: LiveQueue, keys: Sequence[int], error: StoreError) -> None:
        if isinstance(error, StoreClosedError):
            return  # the next start finds them on disk
        logger.error("tasks of %s go again in %g s: %s", queue.name, _STORE_PAUSE, error)
        again = self._clock.now() + _STORE_PAUSE
        for key in keys:
            queue.dispatch.add(key, again)
        self.look(queue)


def _log_exhausted(queue: LiveQueue, row: TaskRow, attempts: Attempts) -> None:
    logger.warning(
        "task %s of %s is deleted: its %d attempts are used up, the last one ended with %d",
        row.task_id,
        queue.name,
        attempts.dispatch_count,
        attempts.last.status if attempts.last else 0,
    )
