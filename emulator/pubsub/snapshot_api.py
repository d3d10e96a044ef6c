"""Answers google.pubsub.v1.Subscriber for snapshots and seeks; it delivers nothing."""

from __future__ import annotations

import sqlite3

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.pubsub_v1 import types

from emulator.engine.clock import Clock
from emulator.errors import ApiError, InvalidArgumentError
from emulator.grpc_api import Methods
from emulator.pubsub import answers, names, seek, snapshots, subscriptions, times
from emulator.pubsub.changes import Changes
from emulator.pubsub.field_masks import merged
from emulator.pubsub.pages import cursor, next_token
from emulator.pubsub.resources import MUTABLE_OF_SNAPSHOT
from emulator.pubsub.wire import method
from emulator.store import Store

LIFETIME = 7 * 86_400 * 1_000_000  # microseconds from the oldest message that a snapshot holds
SHORTEST_LIFETIME = 3_600 * 1_000_000
_END_OF_TIME = 253_402_300_800 * 1_000_000  # the year 10,000, in microseconds


class SnapshotApi:
    """The calls about snapshots, and Seek, each from its request to its response. Raise ApiError."""

    def __init__(self, store: Store, changes: Changes, clock: Clock) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock

    def methods(self) -> Methods:
        return {
            "CreateSnapshot": method(types.CreateSnapshotRequest, self.create_snapshot),
            "GetSnapshot": method(types.GetSnapshotRequest, self.get_snapshot),
            "UpdateSnapshot": method(types.UpdateSnapshotRequest, self.update_snapshot),
            "ListSnapshots": method(types.ListSnapshotsRequest, self.list_snapshots),
            "DeleteSnapshot": method(types.DeleteSnapshotRequest, self.delete_snapshot),
            "Seek": method(types.SeekRequest, self.seek),
        }

    async def create_snapshot(self, request: types.CreateSnapshotRequest) -> types.Snapshot:
        name = names.check_snapshot(request.name)
        source = names.check_subscription(request.subscription)
        now = times.now(self._clock)

        def write(db: sqlite3.Connection) -> types.Snapshot:
            stored = subscriptions.get(db, source)
            oldest = snapshots.oldest(db, stored)
            expires_at = (now if oldest is None else oldest) + LIFETIME
            if expires_at - now < SHORTEST_LIFETIME:
                raise ApiError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    "The snapshot would expire in less than 1 hour, 7 days after the oldest message that is "
                    "not acknowledged: acknowledge that one first.",
                )
            snapshot = types.Snapshot(name=name, labels=dict(request.labels))
            snapshots.create(db, snapshot, stored, expires_at)
            return snapshots.get(db, name, now).resource

        return await self._store.write(write)

    async def get_snapshot(self, request: types.GetSnapshotRequest) -> types.Snapshot:
        name = names.check_snapshot(request.snapshot)
        now = times.now(self._clock)
        return (await self._store.read(lambda db: snapshots.get(db, name, now))).resource

    async def update_snapshot(self, request: types.UpdateSnapshotRequest) -> types.Snapshot:
        name = names.check_snapshot(request.snapshot.name)
        now = times.now(self._clock)

        def write(db: sqlite3.Connection) -> types.Snapshot:
            stored = snapshots.get(db, name, now)
            wanted = merged(stored.resource, request.snapshot, request.update_mask.paths, MUTABLE_OF_SNAPSHOT)
            expires_at = _microseconds(types.Snapshot.pb(wanted).expire_time)
            if not now < expires_at <= now + LIFETIME:
                raise InvalidArgumentError(
                    "Snapshot.expire_time is not within the next 7 days: give a moment that is."
                )
            snapshots.update(db, stored, wanted, expires_at)
            return snapshots.get(db, name, now).resource

        return await self._store.write(write)

    async def list_snapshots(self, request: types.ListSnapshotsRequest) -> types.ListSnapshotsResponse:
        project = names.check_project(request.project)
        asked = cursor(request.page_size, request.page_token)
        now = times.now(self._clock)
        page = await self._store.read(lambda db: snapshots.page(db, project, asked, now))
        token = next_token([snapshot.name for snapshot in page], asked)
        return types.ListSnapshotsResponse(snapshots=page, next_page_token=token)

    async def delete_snapshot(self, request: types.DeleteSnapshotRequest) -> None:
        name = names.check_snapshot(request.snapshot)
        now = times.now(self._clock)
        await self._store.write(lambda db: snapshots.delete(db, name, now))

    async def seek(self, request: types.SeekRequest) -> types.SeekResponse:
        name = names.check_subscription(request.subscription)
        target = types.SeekRequest.pb(request).WhichOneof("target")
        if target is None:
            raise InvalidArgumentError(
                "No target was specified in the SeekRequest. Must specify either a time or a snapshot."
            )
        now = times.now(self._clock)
        snapshot = names.check_snapshot(request.snapshot) if target == "snapshot" else ""
        moment = _microseconds(types.SeekRequest.pb(request).time)

        def write(db: sqlite3.Connection) -> None:
            stored = subscriptions.get(db, name)
            if stored.resource.detached:
                raise answers.detached(name)
            if not snapshot:
                seek.to_time(db, stored, min(max(moment, 0), _END_OF_TIME), now)
                return
            source = snapshots.get(db, snapshot, now)
            if source.resource.topic != stored.resource.topic:
                raise ApiError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"The snapshot is of the topic {source.resource.topic}, and the subscription of "
                    f"{stored.resource.topic}: seek to a snapshot of its own topic.",
                )
            seek.to_snapshot(db, stored, source, now)

        await self._changes.commit(write, concerns=lambda _: (name,))
        return types.SeekResponse()


def _microseconds(moment: Timestamp) -> int:
    """Since the epoch; the timestamp need not be one of the calendar."""
    return moment.seconds * 1_000_000 + moment.nanos // 1_000
