"""Reads what Cloud Tasks sent, and says what of it is not to be run. Claims and runs nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from contracts import (
    BlobReference,
    Catalog,
    Envelope,
    NewerVersion,
    Queue,
    Task,
    TaskRegistry,
    Undecodable,
    UnknownTask,
)
from handlers.delivery import SUSPECT_STARTS, Standing, too_old
from handlers.ends import End, NeedsNewerCode, Poisonous, Reason, Suspect, TooOld, Unreadable
from handlers.errors import UnknownQueue
from stores import BlobDamaged, BlobMissing, Blobs, BlobTooLarge, Key, Start


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """What Cloud Tasks sent."""

    type: str
    """From the URL."""
    body: bytes
    authorization: str | None
    cloud_queue: str
    """X-CloudTasks-QueueName: the queue or its sibling."""
    task_name: str
    """X-CloudTasks-TaskName."""
    retries: int = 0
    """X-CloudTasks-TaskRetryCount: dispatches before this one, whatever they came to."""
    due: datetime | None = None
    """X-CloudTasks-TaskETA: when the queue was to dispatch it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A task that can be claimed, whether or not it can be run."""

    envelope: Envelope
    queue: Queue
    task: Task | None
    verdict: End | None
    """Why it cannot be run; set exactly where `task` is None."""
    quarantine: str | None = None
    """The quarantine queue, where the task came from it."""

    @property
    def is_first(self) -> bool:
        """It comes from its queue itself; whatever follows comes from the sibling."""
        return self.envelope.attempt == 1 and self.envelope.park == 0

    @property
    def target(self) -> str:
        return self.task.target() if self.task else ""

    @property
    def owner(self) -> str:
        return self.task.owner() if self.task else ""

    def start(self, *, at: datetime, token: str) -> Start:
        """A try to run it, to be claimed."""
        return Start(
            key=Key.of(self.envelope),
            position=self.envelope.position,
            token=token,
            at=at,
            expires_at=at + self.queue.delivery.remembered_for,
            lease=self.queue.lease if self.task else None,
            owner=self.owner,
            queue=self.queue.name,
            target=self.target,
        )


async def arrive(
    request: TaskRequest, *, catalog: Catalog, registry: TaskRegistry, blobs: Blobs, read_by: float
) -> Arrival:
    """Read a request, and the blob that its task may refer to, in the event loop's time until `read_by`.

    Raises:
        StoreError: the blob store is away.
        TimeoutError: the blob is not there in time.
        Undecodable: the body is no envelope, or one of another type than the URL says.
        UnknownQueue: this code does not know the task, and the catalog not the queue that it came from.
        CatalogError: the catalog lacks the queue of the task's type.
    """
    envelope = Envelope.decode(request.body)
    if envelope.type != request.type:
        raise Undecodable(f"the envelope is of type {envelope.type!r}, the URL of another", request.body)
    carried_by = catalog.carrying(request.cloud_queue)
    quarantine = carried_by.name if carried_by is not None and carried_by.quarantine else None
    if carried_by is not None and request.retries >= carried_by.delivery.max_dispatches:
        detail = f"{request.retries} dispatches, and none of them ended it"
        verdict: End | None = Poisonous(detail)
        return Arrival(envelope=envelope, queue=carried_by, task=None, verdict=verdict)
    task: Task | None = None
    verdict = None
    try:
        task = (await _whole(envelope, blobs, read_by)).open(registry)
    except (UnknownTask, NewerVersion) as error:
        verdict = NeedsNewerCode(str(error))
    except Undecodable as error:
        verdict = Unreadable(error.detail)
    except (BlobMissing, BlobDamaged, BlobTooLarge) as error:
        verdict = Unreadable(str(error), Reason.BLOB_MISSING)
    queue = catalog.get(task.route()) if task else carrier(request, catalog)
    return Arrival(envelope=envelope, queue=queue, task=task, verdict=verdict, quarantine=quarantine)


async def _whole(envelope: Envelope, blobs: Blobs, read_by: float) -> Envelope:
    """The envelope with its payload; `Arrival.envelope` and what follows from it keep the reference."""
    reference = BlobReference.read(envelope.payload)
    if reference is None:
        return envelope
    async with asyncio.timeout_at(read_by):
        return envelope.carrying(await blobs.get(reference))


def carrier(request: TaskRequest, catalog: Catalog) -> Queue:
    """The queue that a request came from; raises `UnknownQueue`."""
    queue = catalog.carrying(request.cloud_queue)
    if queue is None:
        raise UnknownQueue(f"the catalog has no queue {request.cloud_queue!r}; add it, the task waits there")
    return queue


def forestalled(arrival: Arrival, *, lost: int, standing: Standing, quarantine: Queue | None) -> End | None:
    """Why a task is not run at all; None where it is.

    Args:
        lost: its starts that ended without a trace, which is how a process dies.
        quarantine: where a suspect goes; None where it stays.
    """
    policy = arrival.queue.delivery
    if lost >= policy.max_starts:
        return Poisonous(f"{lost} starts ended with the death of their process")
    if isinstance(arrival.verdict, Unreadable | Poisonous):
        return arrival.verdict
    if too_old(standing, policy):
        return TooOld()
    if arrival.verdict is not None:
        return arrival.verdict
    if lost >= SUSPECT_STARTS and quarantine is not None and arrival.quarantine is None:
        return Suspect(lost, quarantine.name)
    return None
