"""Keeps what the emulator acknowledged, in one SQLite file; it knows no table and no API."""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from emulator.engine.faults import CrashPoint
from emulator.errors import StoreClosedError, StoreError
from emulator.group_commit import begin

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit returns once it is on disk
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",  # milliseconds
    "PRAGMA cache_size = -65536",  # 64 MiB
)


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """What the store did since `open()`.

    `pending` counts writes not yet on disk, `reading` the reads that run or wait, each at most `max_pending`.
    """

    pending: int
    reading: int
    max_pending: int
    commits_total: int
    written_total: int
    failed_total: int


@dataclass(slots=True)
class _Write:
    """A job on its way to the writer thread, its caller's future, and what follows on success."""

    job: Job[Any]
    future: asyncio.Future[Any]
    then: Callable[[Any], object] | None


class Store:
    """SQLite on one writer thread with group commit (WAL, synchronous=FULL) and one reader thread.

    Jobs are plain functions of a connection: they run on those threads and may run twice, so they must touch
    nothing else that changes, and they never begin, commit or roll back. The store belongs to the event loop
    that opened it. One commit is under way at a time; what is written meanwhile makes up the next.
    """

    def __init__(
        self,
        path: Path,
        *,
        schema: Sequence[str],
        max_pending: int = 4096,
        max_batch: int = 512,
        at_write: Callable[[CrashPoint, int], None] | None = None,
    ) -> None:
        """`schema` is run at every open: write it so that it can be (CREATE ... IF NOT EXISTS).

        At most `max_pending` writes wait or run at a time, and as many reads; a caller beyond that waits its
        turn. One commit takes at most `max_batch` writes. `at_write` is called on the writer thread before
        and after each commit, with the number of its writes, and may end the process; where it raises
        StoreError, this and every later write fails with it.
        """
        self._path = path
        self._schema = tuple(schema)
        self._max_pending = max_pending
        self._max_batch = max_batch
        self._at_write = at_write or _go_on
        self._crash: StoreError | None = None
        self._batches: SimpleQueue[list[_Write] | None] = SimpleQueue()
        self._waiting: deque[_Write] = deque()
        self._is_committing = False
        self._write_slots = asyncio.Semaphore(max_pending)
        self._read_slots = asyncio.Semaphore(max_pending)
        self._is_open = False
        self._pending = 0
        self._reading = 0
        self._committed = asyncio.Event()
        self._commits = 0
        self._written = 0
        self._failed = 0

    async def open(self) -> None:
        """Open the file (and its folder), bring the schema up and start the threads. Raises StoreError."""
        self._loop = asyncio.get_running_loop()
        try:
            self._writer, self._reader = await asyncio.to_thread(self._connect)
        except BlockingIOError as exc:
            raise StoreError(
                f"the database {self._path} is in use by another emulator: "
                f"stop it, or choose another data folder"
            ) from exc
        except (sqlite3.Error, OSError) as exc:
            raise StoreError(f"cannot open the database {self._path}: {exc}") from exc
        self._writer_done = asyncio.Event()
        self._reader_thread = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        threading.Thread(target=self._run_writer, name="store-writer", daemon=True).start()
        self._is_open = True

    async def aclose(self) -> None:
        """Commit what was handed over, then close. Calling it again does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        self._hand_over()
        await self._writer_done.wait()
        await asyncio.to_thread(self._reader_thread.shutdown)
        await asyncio.to_thread(self._disconnect)

    async def write(self, job: Job[T], then: Callable[[T], object] | None = None) -> T:
        """Run `job` within the next group commit; return what it returned once that is on disk.

        A job that raises is rolled back alone and raises here; the others of its batch commit. A commit that
        fails raises StoreError for its whole batch. A cancelled caller's job may be committed all the same:
        `then` is called with what it returned as soon as it is on disk, whether or not the caller waits.
        """
        await self._write_slots.acquire()
        try:
            self._require_open()
            future: asyncio.Future[T] = self._loop.create_future()
            self._pending += 1
            self._hand_over_soon(_Write(job, future, then))
        except BaseException:
            self._write_slots.release()
            raise
        return await future

    async def read(self, job: Job[T]) -> T:
        """Run `job` in one read transaction of the reader connection: it sees what is committed."""
        async with self._read_slots:
            self._require_open()
            self._reading += 1
            try:
                return await self._loop.run_in_executor(self._reader_thread, self._read, job)
            finally:
                self._reading -= 1

    async def next_commit(self, timeout: float) -> None:
        """Return after the next commit, at the latest after `timeout` seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._committed.wait(), timeout)

    def statistics(self) -> StoreStatistics:
        return StoreStatistics(
            pending=self._pending,
            reading=self._reading,
            max_pending=self._max_pending,
            commits_total=self._commits,
            written_total=self._written,
            failed_total=self._failed,
        )

    def _require_open(self) -> None:
        if not self._is_open:
            raise StoreClosedError

    def _connect(self) -> tuple[sqlite3.Connection, sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undo:
            self._lock = self._path.with_suffix(".lock").open(
                "w"
            )  # the system frees it when the process dies
            undo.callback(self._lock.close)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            writer = self._connection(undo, *_SETTINGS, *self._schema)
            reader = self._connection(undo, *_SETTINGS, "PRAGMA query_only = ON")
            undo.pop_all()
        return writer, reader

    def _connection(self, undo: ExitStack, *statements: str) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        undo.callback(connection.close)
        for statement in statements:
            connection.execute(statement)
        return connection

    def _disconnect(self) -> None:
        self._reader.close()
        self._writer.close()
        self._lock.close()

    def _read(self, job: Job[T]) -> T:
        self._reader.execute("BEGIN")
        try:
            return job(self._reader)
        finally:
            self._reader.execute("COMMIT")

    def _hand_over_soon(self, write: _Write) -> None:
        """Let it be committed with what else is written in this turn of the event loop."""
        if not self._waiting and not self._is_committing:
            self._loop.call_soon(self._hand_over)
        self._waiting.append(write)

    def _hand_over(self) -> None:
        """Give the writer thread the next batch unless it has one; end it when a closed store has none."""
        if self._is_committing:
            return
        if self._waiting:
            count = min(len(self._waiting), self._max_batch)
            self._batches.put([self._waiting.popleft() for _ in range(count)])
            self._is_committing = True
        elif not self._is_open:
            self._batches.put(None)

    def _run_writer(self) -> None:
        """The writer thread: commit each batch as one, tell the callers; end at None."""
        while (batch := self._batches.get()) is not None:
            results = self._commit([write.job for write in batch])
            self._loop.call_soon_threadsafe(self._settle, batch, results)
        self._loop.call_soon_threadsafe(self._writer_done.set)

    def _commit(self, jobs: Sequence[Job[Any]]) -> list[tuple[Any, BaseException | None]]:
        """Run the jobs in one transaction. Returns, for each, its result or what it raised."""
        execute = self._writer.execute
        if self._crash is not None:
            return [(None, self._crash) for _ in jobs]
        try:
            results = begin(self._writer, jobs)
            self._at_write(CrashPoint.BEFORE_COMMIT, len(jobs))
            execute("COMMIT")
            self._at_write(CrashPoint.AFTER_COMMIT, len(jobs))
        except (sqlite3.Error, StoreError) as exc:
            with suppress(sqlite3.Error):  # SQLite has rolled back already after some failures
                execute("ROLLBACK")
            failure = StoreError(f"cannot commit to {self._path}: {exc}")
            failure.__cause__ = exc
            if isinstance(exc, StoreError):
                self._crash = failure
            return [(None, failure) for _ in jobs]
        return results

    def _settle(self, batch: Sequence[_Write], results: Sequence[tuple[Any, BaseException | None]]) -> None:
        """Back on the event loop: give each caller its result, and its place to the next one."""
        self._commits += 1
        self._committed.set()
        self._committed = asyncio.Event()
        self._is_committing = False
        self._hand_over()
        for write, (result, failure) in zip(batch, results, strict=True):
            self._pending -= 1
            self._write_slots.release()
            if failure is None:
                self._written += 1
                error: BaseException | None = _followed_up(write, result)
            else:
                self._failed += 1
                error = failure
            if write.future.done():
                continue
            if error is None:
                write.future.set_result(result)
            else:
                write.future.set_exception(error)


def _followed_up(write: _Write, result: Any) -> Exception | None:
    """Do what follows the write. What that raises, by a defect, is its caller's alone."""
    if write.then is None:
        return None
    try:
        write.then(result)
    except Exception as exc:
        return exc
    return None


def _go_on(_point: CrashPoint, _writes: int) -> None:
    """No crash."""
