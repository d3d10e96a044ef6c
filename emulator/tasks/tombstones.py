"""Says whether a task exists, existed of late or never did, in the service's words; it ends no task."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import grpc

from emulator.errors import ApiError
from emulator.tasks import tables
from emulator.tasks.tables import TaskRow

_NAME_TAKEN = "Requested entity already exists"
_NAME_TAKEN_RECENTLY = (
    "The task cannot be created because a task with this name existed too recently. For more information "
    "about task de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/"
    "projects.locations.queues.tasks/create#body.request_body.FIELDS.task."
)
_NOT_FOUND = "Requested entity was not found."
_GONE = (
    "The task no longer exists, though a task with this name existed recently. "
    "The task either successfully completed or was deleted."
)


@dataclass(frozen=True, slots=True)
class Tombstones:
    """`ttl`: seconds for which the name of a task that ended stays taken."""

    ttl: float

    def require(self, row: TaskRow | None, now: float) -> TaskRow:
        """The row of a task that exists. Raises NOT_FOUND."""
        if row is None or (row.ended_at is not None and self._is_free(row.ended_at, now)):
            raise task_not_found()
        if row.ended_at is not None:
            raise task_gone()
        return row

    def claim(self, connection: sqlite3.Connection, queue: int, task_id: str, now: float) -> None:
        """Make sure that the name may be used, within the commit that uses it. Raises ALREADY_EXISTS."""
        row = tables.find_task(connection, queue, task_id)
        if row is None:
            return
        if row.ended_at is None:
            raise name_taken()
        if not self._is_free(row.ended_at, now):
            raise ApiError(grpc.StatusCode.ALREADY_EXISTS, _NAME_TAKEN_RECENTLY)
        tables.delete_task_row(connection, row.key)

    def _is_free(self, ended_at: float, now: float) -> bool:
        return now >= ended_at + self.ttl


def task_gone() -> ApiError:
    """The answer for a task that ended of late."""
    return ApiError(grpc.StatusCode.NOT_FOUND, _GONE)


def task_not_found() -> ApiError:
    """The answer for a task that never existed, as far as is known."""
    return ApiError(grpc.StatusCode.NOT_FOUND, _NOT_FOUND)


def name_taken() -> ApiError:
    """The answer for the name of a task that exists."""
    return ApiError(grpc.StatusCode.ALREADY_EXISTS, _NAME_TAKEN)
