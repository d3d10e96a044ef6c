"""Carries out an attempt of a task: sends it and records its end; it never decides when one begins."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.engine.attempts import Completed, Exhausted, RetryAt, is_success
from emulator.engine.clock import Clock
from emulator.engine.exchange import End, Failure, FailureReason, Response, Sender
from emulator.engine.throttle import is_overload, wait_asked_for
from emulator.errors import NoTargetError, StoreClosedError
from emulator.oidc import TokenIssuer
from emulator.store import Store
from emulator.tasks.dispatch_request import dispatch_request
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.messages import Task
from emulator.tasks.record import EndedAttempt, Recorded, record
from emulator.tasks.tables import TaskRow
from emulator.tasks.task_resource import retry_of

logger = logging.getLogger(__name__)

_STORE_PAUSE = 1.0
"""Seconds after which a task is tried again whose row could not be read or written."""


@dataclass(slots=True)
class AttemptTally:
    """What became of the attempts since the start."""

    dispatched: int = 0
    completed: int = 0
    failed: int = 0
    exhausted: int = 0
    dead_dropped: int = 0


class AttemptRunner:
    """Knows the way of one attempt. The queue's memory follows what is on disk, whatever fails in between."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        sender: Sender,
        issuer: TokenIssuer,
        *,
        app_engine_url: str | None,
        throttling: bool,
    ) -> None:
        """`throttling`: whether 429, 503 and Retry-After slow down a queue and hold back its task."""
        self._store = store
        self._clock = clock
        self._sender = sender
        self._issuer = issuer
        self._app_engine_url = app_engine_url
        self._throttling = throttling
        self.tally = AttemptTally()

    async def send(self, queue: LiveQueue, row: TaskRow) -> End:
        """Raises nothing but cancellation."""
        self.tally.dispatched += 1
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
        if isinstance(end, Response):
            queue.executed.add(self._clock.now())
        else:
            logger.info("task %s of %s got no answer: %s", row.task_id, queue.name, end.detail)
        return end

    async def record(
        self, queue: LiveQueue, row: TaskRow, end: End, *, began: float, forced_at: float | None = None
    ) -> None:
        """Put the end on disk; a task that goes again is told to its queue only after that."""
        try:
            ended = self._ended(queue, row, end, began=began, forced_at=forced_at)
            await self._store.write(
                lambda connection: record(connection, ended),
                lambda recorded: self._follow(queue, row, recorded),
            )
        except Exception as exc:  # the task must go again whatever fails here
            self.put_back(queue, [row.key], exc)

    def _follow(self, queue: LiveQueue, row: TaskRow, recorded: Recorded) -> None:
        """The end is on disk."""
        self._count(recorded)
        if isinstance(recorded.verdict, RetryAt):
            queue.dispatch.add(row.key, recorded.verdict.schedule_time)
        else:
            queue.dispatch.discard(row.key)
        if isinstance(recorded.verdict, Exhausted):
            logger.warning("task %s of %s is dead: %s", row.task_id, queue.name, recorded.reason)

    def _ended(
        self, queue: LiveQueue, row: TaskRow, end: End, *, began: float, forced_at: float | None
    ) -> EndedAttempt:
        """What is recorded. The task itself is read for a failure alone."""
        now = self._clock.now()
        retry, app_engine, hold_back = queue.settings.retry, False, 0.0
        if not is_success(end):
            task = Task.FromString(row.message)
            retry = retry_of(task, retry)
            app_engine = task.HasField("app_engine_http_request")
            if self._throttling:
                hold_back = wait_asked_for(end, retry)
                if is_overload(end, app_engine=app_engine):
                    queue.dispatch.slow_down(now)
        return EndedAttempt(
            queue=queue.key,
            key=row.key,
            end=end,
            schedule_time=row.schedule_time,
            dispatch_time=began,
            response_time=now,
            retry=retry,
            app_engine=app_engine,
            forced_at=forced_at,
            hold_back=hold_back,
        )

    def put_back(self, queue: LiveQueue, keys: Sequence[int], error: Exception) -> None:
        """Let tasks go again whose row could not be read or written."""
        if isinstance(error, StoreClosedError):
            return  # the next start finds them on disk
        logger.error("tasks of %s go again in %g s: %r", queue.name, _STORE_PAUSE, error)
        again = self._clock.now() + _STORE_PAUSE
        for key in keys:
            queue.dispatch.add(key, again)

    def _count(self, recorded: Recorded) -> None:
        self.tally.completed += isinstance(recorded.verdict, Completed)
        self.tally.failed += isinstance(recorded.verdict, RetryAt | Exhausted)
        self.tally.exhausted += isinstance(recorded.verdict, Exhausted)
        self.tally.dead_dropped += recorded.dead_dropped
