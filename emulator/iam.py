"""Keeps the IAM policies of resources and answers for them; it lets everybody do everything.

A policy is stored, merged and answered as Google does it, so that tools which manage policies work. None is
enforced: the emulator asks nobody who calls.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import grpc
from google.iam.v1 import iam_policy_pb2, policy_pb2

from emulator.errors import ApiError
from emulator.grpc_api import Methods
from emulator.iam_policy import NO_POLICY_ETAG, changed_policy, check_asked_version, check_permissions
from emulator.store import Store

Require = Callable[[sqlite3.Connection, str], object]
"""Raises NOT_FOUND for a resource that does not exist, InvalidArgumentError for a name that is of none."""


def schema(*tables: str) -> tuple[str, ...]:
    """The policies' table; a policy leaves with its resource, whose `name` is in one of `tables`."""
    return (
        """
        CREATE TABLE IF NOT EXISTS iam_policies (
            resource TEXT PRIMARY KEY,
            policy BLOB NOT NULL                -- google.iam.v1.Policy
        ) WITHOUT ROWID
        """,
        *(
            f"""
            CREATE TRIGGER IF NOT EXISTS iam_policy_of_{table} AFTER DELETE ON {table}
            BEGIN
                DELETE FROM iam_policies WHERE resource = OLD.name;
            END
            """  # noqa: S608  # names of tables of ours
            for table in tables
        ),
    )


class Policies:
    """GetIamPolicy, SetIamPolicy and TestIamPermissions on the resources that `require` knows."""

    def __init__(self, store: Store, require: Require) -> None:
        self._store = store
        self._require = require

    def methods(self) -> Methods:
        return {
            "GetIamPolicy": (iam_policy_pb2.GetIamPolicyRequest, self.get),
            "SetIamPolicy": (iam_policy_pb2.SetIamPolicyRequest, self.set),
            "TestIamPermissions": (iam_policy_pb2.TestIamPermissionsRequest, self.test),
        }

    async def get(self, request: Any) -> Any:
        """Raises InvalidArgumentError, or NOT_FOUND."""

        def read(db: sqlite3.Connection) -> policy_pb2.Policy:
            self._require(db, request.resource)
            return _find(db, request.resource)

        policy = await self._store.read(read)
        check_asked_version(policy, request.options.requested_policy_version)
        return policy

    async def set(self, request: Any) -> Any:
        """Raises InvalidArgumentError, NOT_FOUND, or ABORTED for an etag that is no longer the policy's."""

        def write(db: sqlite3.Connection) -> policy_pb2.Policy:
            self._require(db, request.resource)
            current = _find(db, request.resource)
            changed = changed_policy(current, request.policy, request.update_mask.paths)
            db.execute(
                "INSERT OR REPLACE INTO iam_policies VALUES (?, ?)",
                (request.resource, changed.SerializeToString()),
            )
            return changed

        return await self._store.write(write)

    async def test(self, request: Any) -> Any:
        """All permissions that are asked for, as all are granted; none on a resource that does not exist.

        Raises InvalidArgumentError.
        """
        check_permissions(request.permissions)
        try:
            await self._store.read(lambda db: self._require(db, request.resource))
        except ApiError as exc:
            if exc.code is not grpc.StatusCode.NOT_FOUND:
                raise
            return iam_policy_pb2.TestIamPermissionsResponse()
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=request.permissions)


def _find(db: sqlite3.Connection, resource: str) -> policy_pb2.Policy:
    row = db.execute("SELECT policy FROM iam_policies WHERE resource = ?", (resource,)).fetchone()
    return policy_pb2.Policy.FromString(row[0]) if row else policy_pb2.Policy(etag=NO_POLICY_ETAG)
