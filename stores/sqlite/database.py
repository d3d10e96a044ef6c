"""One SQLite file of the stores: a thread that writes, many callers that wait for their commit.

Jobs that wait together are committed together: with `synchronous=FULL` a commit costs a flush of
the disk, and that flush serves the whole batch.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from lanes import in_thread
from stores.errors import SchemaTooNew, StoreClosed, StoreUnavailable
from stores.sqlite.migrations import Step, migrate

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

MAX_PENDING = 1024
MAX_BATCH = 128
BUSY_TIMEOUT_MS = 5000
"""Other processes write to the same file: how long to wait for their commit."""
WAL_TRIES = 100


@dataclass(frozen=True, slots=True)
class DatabaseStatistics:
    pending: int
    commits: int
    jobs: int


@dataclass(frozen=True, slots=True)
class _Request:
    job: Job[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]

    @property
    def abandoned(self) -> bool:
        """The caller has left: it must not find done what it was told had failed."""
        return self.future.cancelled()


@dataclass(frozen=True, slots=True)
class _Answer:
    request: _Request
    result: object
    error: BaseException | None


_Run = Callable[[sqlite3.Connection, _Request], _Answer]


class Database:
    """Runs jobs on one SQLite connection of its own thread, many in a commit; one that raises is undone."""

    def __init__(self, path: Path, steps: Sequence[Step]) -> None:
        """`steps` make the schema, see `stores.sqlite.migrations`."""
        self._path = path
        self._steps = tuple(steps)
        self._inbox: SimpleQueue[_Request | None] = SimpleQueue()
        self._slots = asyncio.Semaphore(MAX_PENDING)
        self._thread: threading.Thread | None = None
        self._pending = 0
        self._commits = 0
        self._jobs = 0

    async def open(self) -> None:
        """Open the file, made with its folder where missing, and bring it up to date.

        Raises:
            SchemaTooNew: a later release has changed it.
            StoreUnavailable: it cannot be opened.
        """
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        request = _Request(lambda _: None, loop, opened)
        self._thread = threading.Thread(
            target=self._write, args=(request,), name="stores-writer", daemon=True
        )
        self._thread.start()
        try:
            await opened
        except SchemaTooNew:
            self._thread = None
            raise
        except sqlite3.Error as error:
            self._thread = None
            raise StoreUnavailable(f"{self._path} cannot be opened ({error}); name another file") from error

    async def aclose(self) -> None:
        """Commit what waits and close; later calls raise `StoreClosed`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._inbox.put(None)
            await in_thread(thread.join)

    async def run(self, job: Job[T]) -> T:
        """Run `job` and return its result once the commit is on disk.

        Waits while 1,024 jobs are pending. A job that raises is undone alone, and raises here. A job whose
        caller is cancelled before its turn is not run. A job may run twice, and changes nothing but the
        database.

        Raises:
            StoreClosed: the database is not open.
            StoreUnavailable: SQLite refused; nothing was changed.
        """
        if self._thread is None:
            raise StoreClosed(f"{self._path} is not open: await open() first")
        async with self._slots:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[T] = loop.create_future()
            self._pending += 1
            self._inbox.put(_Request(job, loop, future))
            try:
                return await future
            except sqlite3.Error as error:
                raise StoreUnavailable(f"{self._path}: {error}; nothing was changed, try again") from error
            finally:
                self._pending -= 1

    def statistics(self) -> DatabaseStatistics:
        return DatabaseStatistics(pending=self._pending, commits=self._commits, jobs=self._jobs)

    # The writer's thread.

    def _write(self, opened: _Request) -> None:
        try:
            connection = self._connect()
        except SchemaTooNew as error:
            _tell([_Answer(opened, None, SchemaTooNew(f"{self._path} cannot be opened: {error}"))])
            return
        except (sqlite3.Error, OSError) as error:
            _tell([_Answer(opened, None, sqlite3.OperationalError(str(error)))])
            return
        _tell([_Answer(opened, None, None)])
        try:
            while batch := self._next_batch():
                self._commit(connection, batch)
        finally:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            _use_wal(connection)
            connection.execute("PRAGMA synchronous=FULL")
            migrate(connection, self._steps)
        except BaseException:
            connection.close()
            raise
        return connection

    def _next_batch(self) -> list[_Request]:
        """Everything that waits, at least one; empty when the database is closing."""
        first = self._inbox.get()
        if first is None:
            return []
        batch = [first]
        while len(batch) < MAX_BATCH and not self._inbox.empty():
            request = self._inbox.get()
            if request is None:
                self._inbox.put(None)  # close after this batch
                break
            batch.append(request)
        return batch

    def _commit(self, connection: sqlite3.Connection, batch: list[_Request]) -> None:
        """All jobs in one commit; where one raises, all again, each in a savepoint and so undone alone.

        Jobs seldom raise, and savepoints cost about as much as what is between them.
        """
        try:
            answers = self._together(connection, batch, _run)
            if any(answer.error is not None for answer in answers):
                answers = self._together(connection, batch, _run_alone)
        except sqlite3.Error as error:
            answers = [_Answer(request, None, error) for request in batch]
        self._commits += 1
        self._jobs += len(batch)
        _tell(answers)

    def _together(self, connection: sqlite3.Connection, batch: list[_Request], run: _Run) -> list[_Answer]:
        """Commit where no job raised or each is in a savepoint; else undo all. Raises `sqlite3.Error`."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            answers = [run(connection, request) for request in batch if not request.abandoned]
            undone = run is _run and any(answer.error is not None for answer in answers)
            connection.execute("ROLLBACK" if undone else "COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return answers


def _run(connection: sqlite3.Connection, request: _Request) -> _Answer:
    try:
        return _Answer(request, request.job(connection), None)
    except Exception as error:  # answered to the caller, whose job it is
        return _Answer(request, None, error)


def _run_alone(connection: sqlite3.Connection, request: _Request) -> _Answer:
    connection.execute("SAVEPOINT job")
    answer = _run(connection, request)
    if answer.error is not None:
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return answer


def _tell(answers: list[_Answer]) -> None:
    """From the writer's thread: each loop is woken once for all of its callers."""
    loops: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        loops.setdefault(answer.request.loop, []).append(answer)
    for loop, its in loops.items():
        with suppress(RuntimeError):  # that loop is closed
            loop.call_soon_threadsafe(_settle, its)


def _settle(answers: list[_Answer]) -> None:
    for answer in answers:
        future = answer.request.future
        if future.done():  # a caller that has left is not told
            continue
        if answer.error is None:
            future.set_result(answer.result)
        else:
            future.set_exception(answer.error)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Processes that open a new file at once all try this, and here SQLite heeds no `busy_timeout`.

    So the one that comes too early waits as a writer does, which does heed it, and tries again.
    """
    for _ in range(WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
        else:
            return
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    raise sqlite3.OperationalError(f"other processes kept it locked during {WAL_TRIES} tries")
