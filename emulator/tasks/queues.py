"""Serves the calls on queues: on disk first, then in memory, then to the dispatcher; it sends nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

import grpc

from emulator.engine import names
from emulator.engine.clock import Clock
from emulator.errors import ApiError
from emulator.store import Store
from emulator.tasks import tables
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.list_filter import Filter
from emulator.tasks.live_queue import LiveQueue
from emulator.tasks.messages import PAUSED, RUNNING, Pb, Queue, set_moment
from emulator.tasks.queue_resource import checked_queue
from emulator.tasks.queue_update import MAX_DOUBLINGS, as_said, updated_queue


class Queues:
    """All queues, in memory as they are on disk. Their number is unbounded, as they are few.

    Memory follows a change as soon as it is on disk, whether or not its caller still waits.
    """

    def __init__(self, store: Store, clock: Clock, dispatcher: Dispatcher, *, tombstone_ttl: float) -> None:
        """`tombstone_ttl`: seconds for which the name of a deleted queue stays taken."""
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._tombstone_ttl = tombstone_ttl
        self._by_name: dict[str, LiveQueue] = {}

    def __iter__(self) -> Iterator[LiveQueue]:
        return iter(self._by_name.values())

    async def open(self) -> None:
        """Load every queue and its waiting tasks. Nothing is dispatched before `start`."""
        rows = await self._store.read(tables.queues)
        for key, name, message in rows:
            queue = LiveQueue(key, Queue.FromString(message), now=self._clock.now())
            queue.dispatch.restore(await self._store.read(_pending(key)))
            self._by_name[name] = queue

    def start(self) -> None:
        """Dispatch from now on."""
        for queue in self:
            self._dispatcher.look(queue)

    async def ensure(self, queues: Sequence[Pb]) -> None:
        """Create the queues that are missing; give the others these settings, and leave them paused or not.

        Raises InvalidArgumentError.
        """
        for queue in queues:
            names.check_queue(queue.name)
        await asyncio.gather(*(self._ensure(checked_queue(queue)) for queue in queues))

    def get(self, name: str) -> LiveQueue:
        """Raises InvalidArgumentError, or NOT_FOUND."""
        queue = self._by_name.get(name)
        if queue is None:
            names.check_queue(name)
            raise queue_not_found()
        return queue

    def page(self, location: str, *, passes: Filter, after: str, limit: int) -> list[Pb]:
        """Queues of the location that pass, by name, beginning after the name `after`.

        Raises InvalidArgumentError.
        """
        names.check_location(location)
        prefix = f"{location}/queues/"
        found = sorted(name for name in self._by_name if name.startswith(prefix) and name > after)
        messages = (self._by_name[name].message for name in found)
        return list(islice(filter(passes, messages), limit))

    async def create(self, location: str, given: Pb, *, explicit: Collection[str] = ()) -> Pb:
        """`explicit`: see `updated_queue`. Over gRPC a zero is always "not set".

        Raises InvalidArgumentError, PERMISSION_DENIED for a project that cannot be, ALREADY_EXISTS, or
        FAILED_PRECONDITION for a name deleted of late.
        """
        names.check_queue_under(given.name, location)
        queue = checked_queue(as_said(given, explicit), zero_doublings=MAX_DOUBLINGS in explicit)
        return await self._insert(queue)

    async def update(self, given: Pb, paths: Sequence[str], *, explicit: Collection[str] | None = None) -> Pb:
        """Change what `paths` name, or create the queue where it is missing; see `updated_queue`.

        Raises InvalidArgumentError, or FAILED_PRECONDITION for a name deleted of late.
        """
        names.check_queue(given.name)

        def updated(queue: Pb) -> Pb:
            return updated_queue(queue, given, paths, explicit=explicit)

        existing = self._by_name.get(given.name)
        if existing is None:
            return await self._insert(updated(checked_queue(Queue(name=given.name))))
        return await self._change(existing, lambda queue: queue.CopyFrom(updated(queue)))

    async def set_paused(self, name: str, paused: bool) -> Pb:
        """Raises InvalidArgumentError, or NOT_FOUND."""

        def change(message: Pb) -> None:
            message.state = PAUSED if paused else RUNNING

        return await self._change(self.get(name), change)

    async def purge(self, name: str) -> Pb:
        """End every task that is there. Raises InvalidArgumentError, or NOT_FOUND."""
        queue, now = self.get(name), self._clock.now()

        def purge(connection: sqlite3.Connection) -> tuple[Pb, int]:
            purged = _changed(connection, name, lambda message: set_moment(message.purge_time, now))
            return purged, tables.end_all_tasks(connection, queue.key, now=now)

        def follow(done: tuple[Pb, int]) -> None:
            purged, last = done
            queue.dispatch.discard_through(last)
            self._follow(queue, purged)

        purged, _ = await self._store.write(purge, follow)
        return purged

    async def delete(self, name: str) -> None:
        """With its tasks. Raises InvalidArgumentError, or NOT_FOUND."""
        names.check_queue(name)
        now = self._clock.now()

        def delete(connection: sqlite3.Connection) -> None:
            if tables.find_queue(connection, name) is None:
                raise ApiError(grpc.StatusCode.NOT_FOUND, "Requested entity was not found.")
            tables.delete_queue(connection, name, now=now)

        await self._store.write(delete, lambda _: self._dispatcher.forget(self._by_name.pop(name)))

    async def _ensure(self, wanted: Pb) -> None:
        existing = self._by_name.get(wanted.name)
        if existing is None:
            await self._insert(wanted)
        else:
            await self._change(existing, lambda queue: queue.CopyFrom(updated_queue(queue, wanted, ())))

    async def _insert(self, message: Pb) -> Pb:
        name, now = str(message.name), self._clock.now()

        def insert(connection: sqlite3.Connection) -> int:
            if tables.find_queue(connection, name) is not None:
                raise ApiError(grpc.StatusCode.ALREADY_EXISTS, "Queue already exists")
            deleted_at = tables.queue_deleted_at(connection, name)
            if deleted_at is not None and now < deleted_at + self._tombstone_ttl:
                raise ApiError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "The queue cannot be created because a queue with this name existed too recently.",
                )
            return tables.insert_queue(connection, name, message.SerializeToString())

        def follow(key: int) -> None:
            self._by_name[name] = LiveQueue(key, message, now=now)

        await self._store.write(insert, follow)
        return message

    async def _change(self, queue: LiveQueue, change: Callable[[Pb], None]) -> Pb:
        name = queue.name
        return await self._store.write(
            lambda connection: _changed(connection, name, change),
            lambda message: self._follow(queue, message),
        )

    def _follow(self, queue: LiveQueue, message: Pb) -> None:
        queue.follow(message, now=self._clock.now())
        self._dispatcher.look(queue)


def queue_not_found() -> ApiError:
    return ApiError(
        grpc.StatusCode.NOT_FOUND,
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to "
        "initialize.",
    )


def require_queue(connection: sqlite3.Connection, name: str) -> None:
    """Raises InvalidArgumentError, or NOT_FOUND."""
    names.check_queue(name)
    if tables.find_queue(connection, name) is None:
        raise queue_not_found()


def _changed(connection: sqlite3.Connection, name: str, change: Callable[[Pb], None]) -> Pb:
    """Change the queue's message on disk, so that changes at the same time all count."""
    row = tables.find_queue(connection, name)
    if row is None:
        raise queue_not_found()
    message = Queue.FromString(row[1])
    change(message)
    tables.update_queue(connection, row[0], message.SerializeToString())
    return message


def _pending(queue: int) -> Callable[[sqlite3.Connection], list[tuple[int, float]]]:
    return lambda connection: tables.pending(connection, queue)
