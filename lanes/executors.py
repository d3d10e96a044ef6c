"""Threads for blocking work, in pools that never share a queue: what is critical waits behind nothing else.

A pool never grows, never queues without bound, and never lets one of its jobs wait for another of its own.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, ParamSpec, TypeVar

from lanes.errors import DeadlineExceeded, ExecutorClosed, ExecutorSaturated, SamePoolWait
from lanes.settings import ExecutorSettings

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorStatistics:
    """Jobs now and since `open`. `abandoned_total`: those that went on after their caller had left."""

    threads: int
    running: int
    waiting: int
    max_waiting: int
    started_total: int
    saturated_total: int
    abandoned_total: int
    wait_seconds_total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a closed pool did not finish: jobs that never began, and jobs that still run in their threads."""

    dropped: int
    running: int


class Job(concurrent.futures.Future[T], Generic[T]):
    """The result of a job, for callers in threads; a coroutine awaits `Executor.run` instead.

    `result` and `exception` raise `SamePoolWait` inside a job of the same pool, at whatever depth.
    """

    def __init__(self, executor: Executor, work: Callable[[], T], now: float) -> None:
        super().__init__()
        self.executor = executor
        self.submitted_at = now
        self._work = work
        self._context = contextvars.copy_context()
        enclosing = [job for job in _enclosing.get() if not job.done()]
        self._context.run(_enclosing.set, (*enclosing, self))

    def result(self, timeout: float | None = None) -> T:
        self._refuse_to_wait()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._refuse_to_wait()
        return super().exception(timeout)

    def cancel(self) -> bool:
        is_cancelled = super().cancel()
        if is_cancelled:
            self.executor.leave(self)
        return is_cancelled

    def execute(self) -> None:
        """Run the work in the context of its submitter; called by a thread of the pool.

        The job leaves its pool before anyone learns of its end, so that who learns finds a place free.
        """
        try:
            result = self._context.run(self._work)
        except BaseException as error:  # it belongs to the job's caller, whatever it is
            self.executor.leave(self)
            self.set_exception(error)
        else:
            self.executor.leave(self)
            self.set_result(result)

    def _refuse_to_wait(self) -> None:
        if not self.done():
            self.executor.refuse_inside()


_enclosing: contextvars.ContextVar[tuple[Job[Any], ...]] = contextvars.ContextVar(
    "enclosing_jobs", default=()
)
"""The jobs inside which this code runs, outermost first, of whatever pool."""


class Executor:
    """A fixed number of named threads and a bounded queue of jobs.

    Open and close it on one event loop. `run` and `submit` may be called from any loop and any thread.
    """

    def __init__(
        self,
        settings: ExecutorSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        observe_wait: Callable[[float], object] = lambda _: None,
    ) -> None:
        """`observe_wait` is told, in the job's thread, how many seconds each job waited for it."""
        self._settings = settings
        self._clock = clock
        self._observe_wait = observe_wait
        self._is_open = False
        self._admitted: set[Job[Any]] = set()
        self._waiting: deque[Job[Any]] = deque()  # those of the admitted that have no thread yet
        # Queues written in C instead of locks: the event loop never waits for a thread here.
        self._places: SimpleQueue[None] = SimpleQueue()
        self._wakeups: SimpleQueue[bool] = SimpleQueue()
        self._totals = threading.Lock()  # taken by the pool's threads alone
        self._started = 0
        self._saturated = 0
        self._abandoned = 0
        self._waited = 0.0

    @property
    def name(self) -> str:
        return self._settings.name

    async def open(self) -> None:
        """Start the threads. They are daemons: a job that hangs does not keep the process alive."""
        for _ in range(self._settings.threads + self._settings.max_waiting):
            self._places.put(None)
        for number in range(self._settings.threads):
            thread = threading.Thread(target=self._serve, name=f"{self.name}-{number}", daemon=True)
            thread.start()
        self._is_open = True

    async def aclose(self, grace: float = 10.0) -> Left:
        """Take no more jobs, let those there are end within `grace` seconds, and say what was left.

        A job that never began ends in `ExecutorClosed`; one that still runs goes on in its thread.
        """
        if not self._is_open:
            return Left(dropped=0, running=0)
        self._is_open = False
        await _landed(list(self._admitted), timeout=grace)
        dropped = 0
        while self._waiting:
            job = self._waiting.popleft()
            if job.set_running_or_notify_cancel():
                self.leave(job)
                job.set_exception(ExecutorClosed(self.name))
                dropped += 1
        for _ in range(self._settings.threads):
            self._wakeups.put(False)
        return Left(dropped=dropped, running=self.statistics().running)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await `function(*args, **kwargs)` in a thread of the pool, with the caller's context variables.

        A cancelled caller takes its job along if that has not begun; one that runs goes on, and keeps its
        thread until it ends.

        Raises:
            ExecutorClosed, ExecutorSaturated, and what the function raises.
            SamePoolWait: the caller is itself, at whatever depth, inside a job of this pool.
        """
        self.refuse_inside()
        job = self.submit(function, *args, **kwargs)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if job.running():
                self._abandoned += 1
            raise

    async def run_within(
        self, deadline: float, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`run` for at most `deadline` seconds, the wait for a thread included; then `DeadlineExceeded`."""
        try:
            async with asyncio.timeout(deadline) as limit:
                return await self.run(function, *args, **kwargs)
        except TimeoutError as error:
            if not limit.expired():
                raise  # the function's own
            raise DeadlineExceeded(
                f"a job of the {self.name} executor did not end within {deadline:g} s"
            ) from error

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Job[T]:
        """Hand a job over without waiting for it. Raises `ExecutorClosed` or `ExecutorSaturated`."""
        if not self._is_open:
            raise ExecutorClosed(self.name)
        try:
            self._places.get_nowait()
        except Empty:
            self._saturated += 1
            raise ExecutorSaturated(self.name, self._settings.max_waiting) from None
        job = Job(self, lambda: function(*args, **kwargs), self._clock())
        self._admitted.add(job)
        self._waiting.append(job)
        self._wakeups.put(True)
        return job

    def refuse_inside(self) -> None:
        """Raise `SamePoolWait` if this code runs inside a job of this pool that has not ended."""
        if any(job.executor is self and not job.done() for job in _enclosing.get()):
            raise SamePoolWait(self.name)

    def statistics(self) -> ExecutorStatistics:
        return ExecutorStatistics(
            threads=self._settings.threads,
            running=sum(job.running() for job in list(self._admitted)),
            waiting=len(self._waiting),
            max_waiting=self._settings.max_waiting,
            started_total=self._started,
            saturated_total=self._saturated,
            abandoned_total=self._abandoned,
            wait_seconds_total=self._waited,
        )

    def leave(self, job: Job[Any]) -> None:
        """The job ends, or was cancelled before it began: its place is free. Called by the job itself."""
        if job not in self._admitted:
            return  # it was cancelled twice
        self._admitted.remove(job)
        with suppress(ValueError):
            self._waiting.remove(job)
        self._places.put(None)

    def _serve(self) -> None:
        """One thread of the pool, until the pool closes."""
        while self._wakeups.get():
            try:
                job = self._waiting.popleft()
            except IndexError:
                continue  # it was cancelled
            if not job.set_running_or_notify_cancel():
                continue
            waited = self._clock() - job.submitted_at
            self._observe_wait(waited)
            with self._totals:
                self._waited += waited
                self._started += 1
            job.execute()


async def _landed(jobs: Sequence[concurrent.futures.Future[Any]], *, timeout: float) -> None:
    """Return when all of the jobs ended, at the latest after `timeout` seconds."""
    loop = asyncio.get_running_loop()
    pending = set(jobs)
    all_ended = asyncio.Event()

    def ended(job: concurrent.futures.Future[Any]) -> None:
        pending.discard(job)
        if not pending:
            all_ended.set()

    def tell(job: concurrent.futures.Future[Any]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(ended, job)

    for job in jobs:
        job.add_done_callback(tell)
    if not jobs:
        return
    try:
        async with asyncio.timeout(timeout):
            await all_ended.wait()
    except TimeoutError:
        return
