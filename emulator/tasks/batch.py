"""Serves the calls on many tasks at a time, each batch in one commit with its operation; it sends nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty
from google.rpc.code_pb2 import Code

from emulator.engine import names
from emulator.engine.clock import Clock
from emulator.errors import ApiError, InvalidArgumentError
from emulator.grpc_api import status_of
from emulator.store import Store
from emulator.tasks import operations, tables
from emulator.tasks.dispatcher import Dispatcher
from emulator.tasks.messages import (
    BatchCreateTasksMetadata,
    BatchCreateTasksResponse,
    BatchDeleteTasksMetadata,
    Pb,
    checked_view,
    set_moment,
)
from emulator.tasks.new_task import NewTask, insert, new_task
from emulator.tasks.queues import Queues
from emulator.tasks.task_resource import answered_task
from emulator.tasks.tombstones import Tombstones

MAX_CREATES = 100
MAX_DELETES = 1000


_Written = tuple[Pb, Mapping[int, int], int]
"""The operation, the keys of the tasks by their place in the batch, and how many failed."""


@dataclass(frozen=True, slots=True)
class BatchStatistics:
    """Batches since the start, and what became of their tasks."""

    batches_total: int
    created_total: int
    deleted_total: int
    failed_total: int


class _Failures(dict[int, ApiError]):
    """What is wrong with the tasks of a batch that fail, by their place in it."""

    @contextmanager
    def of(self, place: int) -> Iterator[None]:
        try:
            yield
        except ApiError as exc:
            self[place] = exc


class Batches:
    """BatchCreateTasks and BatchDeleteTasks. Not atomic: each task succeeds or fails for itself.

    A call answers a finished operation, after its tasks and the operation are on disk in one commit. A call
    that repeats a `request_id` gets the first one's operation, for as long as that is kept.
    """

    def __init__(
        self, store: Store, clock: Clock, dispatcher: Dispatcher, queues: Queues, *, tombstone_ttl: float
    ) -> None:
        """`tombstone_ttl`: seconds for which the name of a task that ended stays taken."""
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._queues = queues
        self._tombstones = Tombstones(tombstone_ttl)
        self._batches = 0
        self._created = 0
        self._deleted = 0
        self._failed = 0

    def statistics(self) -> BatchStatistics:
        return BatchStatistics(
            batches_total=self._batches,
            created_total=self._created,
            deleted_total=self._deleted,
            failed_total=self._failed,
        )

    async def create(self, request: Pb) -> Pb:
        """Raises InvalidArgumentError, or NOT_FOUND (the queue). What a task fails by is in the operation."""
        queue, now = self._queues.get(request.parent), self._clock.now()
        _check_count("BatchCreateTasksRequest.requests", len(request.requests), MAX_CREATES)
        _check_parents(request)
        views = [checked_view(given.response_view) for given in request.requests]
        invalid = _Failures()
        tasks: dict[int, NewTask] = {}
        for place, given in enumerate(request.requests):
            with invalid.of(place):
                tasks[place] = new_task(queue, given.task, now=now)
        name = operations.operation_name(queue.name, "BatchCreateTasks", request.request_id)

        def write(connection: sqlite3.Connection) -> _Written:
            if (before := operations.find(connection, name)) is not None:
                return before, {}, 0
            keys: dict[int, int] = {}
            failures = _Failures(invalid)  # a job of the store may run twice
            for place, task in tasks.items():
                with failures.of(place):
                    keys[place] = insert(connection, task, self._tombstones)
            created = [answered_task(tasks[place].message, views[place]) for place in keys]
            response = BatchCreateTasksResponse(tasks=created) if created else None
            operation = _ended(name, BatchCreateTasksMetadata(), failures, response, now=now)
            operations.record(connection, operation)
            return operation, keys, len(failures)

        def follow(written: _Written) -> None:
            _, keys, failed = written
            for place, key in keys.items():
                self._dispatcher.add(queue, tasks[place].row(key))
            self._batches += 1
            self._created += len(keys)
            self._failed += failed

        operation, _, _ = await self._store.write(write, follow)
        return operation

    async def delete(self, request: Pb) -> Pb:
        """Raises InvalidArgumentError, or NOT_FOUND (the queue). What a task fails by is in the operation."""
        queue, now = self._queues.get(request.parent), self._clock.now()
        _check_count("BatchDeleteTasksRequest.names", len(request.names), MAX_DELETES)
        invalid = _Failures()
        task_ids: dict[int, str] = {}
        for place, task_name in enumerate(request.names):
            with invalid.of(place):
                task_ids[place] = names.task_id_under(task_name, queue.name)
        name = operations.operation_name(queue.name, "BatchDeleteTasks", request.request_id)

        def write(connection: sqlite3.Connection) -> _Written:
            if (before := operations.find(connection, name)) is not None:
                return before, {}, 0
            keys: dict[int, int] = {}
            failures = _Failures(invalid)  # a job of the store may run twice
            for place, task_id in task_ids.items():
                with failures.of(place):
                    row = self._tombstones.require(tables.find_task(connection, queue.key, task_id), now)
                    tables.end_task(connection, row.key, now=now)
                    keys[place] = row.key
            response = Empty() if keys else None
            operation = _ended(name, BatchDeleteTasksMetadata(), failures, response, now=now)
            operations.record(connection, operation)
            return operation, keys, len(failures)

        def follow(written: _Written) -> None:
            _, keys, failed = written
            for key in keys.values():
                queue.dispatch.discard(key)
            self._dispatcher.look(queue)
            self._batches += 1
            self._deleted += len(keys)
            self._failed += failed

        operation, _, _ = await self._store.write(write, follow)
        return operation


def _check_count(field: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise InvalidArgumentError(f"{field} has {count} entries: give 1 to {most}.")


def _check_parents(request: Pb) -> None:
    for place, given in enumerate(request.requests):
        if given.parent not in ("", request.parent):
            raise InvalidArgumentError(
                f"BatchCreateTasksRequest.requests[{place}].parent is '{given.parent}': give the batch's "
                f"parent ('{request.parent}'), or none."
            )


def _ended(
    name: str, metadata: Pb, failures: Mapping[int, ApiError], response: Pb | None, *, now: float
) -> Pb:
    """The operation of a batch that ended at `now`; without a response, none of its tasks succeeded."""
    states = type(metadata).State
    state = "FAILED" if response is None else "PARTIALLY_SUCCEEDED" if failures else "SUCCEEDED"
    metadata.state = states.Value(state)
    set_moment(metadata.start_time, now)
    set_moment(metadata.end_time, now)
    for place, failure in failures.items():
        metadata.failed_requests[place].CopyFrom(status_of(failure))
    operation = operations_pb2.Operation(name=name, done=True)
    operation.metadata.Pack(metadata)
    if response is not None:
        operation.response.Pack(response)
    else:
        operation.error.code = Code.ABORTED
        operation.error.message = (
            f"None of the requests succeeded, refer to {metadata.DESCRIPTOR.name}.failed_requests "
            f"for individual error details"
        )
    return operation
