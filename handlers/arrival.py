"""Reads what Cloud Tasks sent: envelope, queue, and the task if this code knows it. Runs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from contracts import Catalog, Envelope, NewerVersion, Queue, Task, TaskRegistry, Undecodable, UnknownTask
from handlers.delivery import End, NeedsNewerCode, Unreadable
from handlers.errors import UnknownQueue


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A task that can be claimed, whether or not it can be run."""

    envelope: Envelope
    queue: Queue
    task: Task | None
    verdict: End | None
    """Why it cannot be run; set exactly where `task` is None."""

    @property
    def target(self) -> str:
        return self.task.target() if self.task else ""

    @property
    def owner(self) -> str:
        return self.task.owner() if self.task else ""


def arrive(request: TaskRequest, *, catalog: Catalog, registry: TaskRegistry) -> Arrival:
    """Read a request.

    Raises:
        Undecodable: the body is no envelope, or one of another type than the URL says.
        UnknownQueue: this code does not know the task, and the catalog not the queue that it came from.
        CatalogError: the catalog lacks the queue of the task's type.
    """
    envelope = Envelope.decode(request.body)
    if envelope.type != request.type:
        raise Undecodable(f"the envelope is of type {envelope.type!r}, the URL of another", request.body)
    task: Task | None = None
    verdict: End | None = None
    try:
        task = envelope.open(registry)
    except (UnknownTask, NewerVersion) as error:
        verdict = NeedsNewerCode(str(error))
    except Undecodable as error:
        verdict = Unreadable(error.detail)
    queue = catalog.get(task.route()) if task else carrier(request, catalog)
    return Arrival(envelope=envelope, queue=queue, task=task, verdict=verdict)


def carrier(request: TaskRequest, catalog: Catalog) -> Queue:
    """The queue that a request came from; raises `UnknownQueue`."""
    queue = catalog.carrying(request.cloud_queue)
    if queue is None:
        raise UnknownQueue(f"the catalog has no queue {request.cloud_queue!r}; add it, the task waits there")
    return queue
