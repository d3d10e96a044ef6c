"""Keeps the long-running operations that ended, and answers for them; it runs none.

A batch ends within the commit that records its operation, so an operation is on disk as a whole, done, or it
never began: a process that dies leaves none half done.
"""

from __future__ import annotations

import re
import sqlite3
import uuid

import grpc
from google.longrunning import operations_pb2

from emulator.engine import names
from emulator.errors import ApiError, InvalidArgumentError
from emulator.grpc_api import Methods
from emulator.store import Store
from emulator.tasks.messages import Pb

MAX_OPERATIONS = 10_000
"""Operations that are kept; the oldest leave first, and with each the request_id that it stands for."""
MAX_BYTES = 256 * 2**20
"""Of the operations that are kept, responses included, and one more; the latest stays whatever its size."""

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS operations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        bytes_through INTEGER NOT NULL,         -- of this one and all before it, kept or not
        message BLOB NOT NULL                   -- google.longrunning.Operation
    )
    """,
    "CREATE INDEX IF NOT EXISTS operations_bytes ON operations (bytes_through)",
)

_OPERATION = re.compile(r"(projects/[^/]+/locations/[^/]+)/operations/[A-Za-z0-9-]+")
_REQUEST_IDS = uuid.UUID("6f3c5b0e-7c0e-4d1b-9a35-0c2d6f7f3f11")


def operation_name(queue_name: str, call: str, request_id: str) -> str:
    """`{location}/operations/{id}`: the same for the same `request_id` of the same call on the same queue."""
    location = queue_name.partition("/queues/")[0]
    unique = uuid.uuid5(_REQUEST_IDS, f"{call} {queue_name} {request_id}") if request_id else uuid.uuid4()
    return f"{location}/operations/{unique}"


def find(connection: sqlite3.Connection, name: str) -> Pb | None:
    row = connection.execute("SELECT message FROM operations WHERE name = ?", (name,)).fetchone()
    return operations_pb2.Operation.FromString(row[0]) if row else None


def record(
    connection: sqlite3.Connection,
    operation: Pb,
    *,
    max_operations: int = MAX_OPERATIONS,
    max_bytes: int = MAX_BYTES,
) -> None:
    """Keep a finished operation; the oldest beyond the limits leave."""
    message = operation.SerializeToString()
    before = connection.execute("SELECT bytes_through FROM operations ORDER BY id DESC LIMIT 1").fetchone()
    bytes_through = (before[0] if before else 0) + len(message)
    cursor = connection.execute(
        "INSERT INTO operations (name, bytes_through, message) VALUES (?, ?, ?)",
        (operation.name, bytes_through, message),
    )
    connection.execute(
        "DELETE FROM operations WHERE id <= ? OR bytes_through <= ?",
        ((cursor.lastrowid or 0) - max_operations, bytes_through - max_bytes),
    )


class Operations:
    """google.longrunning.Operations as Cloud Tasks v2 publishes it: GetOperation, and no other method."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def methods(self) -> Methods:
        return {"GetOperation": (operations_pb2.GetOperationRequest, self.get)}

    async def get(self, request: Pb) -> Pb:
        """Raises InvalidArgumentError, or NOT_FOUND."""
        name = str(request.name)
        found = _OPERATION.fullmatch(name)
        if found is None:
            raise InvalidArgumentError(
                "Operation name must be formatted: "
                '"projects/<PROJECT_ID>/locations/<LOCATION_ID>/operations/<OPERATION_ID>".'
            )
        names.check_location(found[1])
        operation = await self._store.read(lambda connection: find(connection, name))
        if operation is None:
            raise ApiError(grpc.StatusCode.NOT_FOUND, "Requested entity was not found.")
        return operation
