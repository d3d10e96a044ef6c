"""A producer that records, for unit tests of code that enqueues. Checks as the real one, sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.cloud import tasks_v2

from contracts import TASK_TYPES, BlobReference, Catalog, Event, Task, TaskRegistry, owner_digest
from producers.producer import Producer
from producers.receipt import Receipt
from producers.settings import ProducerSettings
from stores import BlobMissing

__all__ = ("Published", "RecordingProducer", "recording")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A recorded message. `topic` is the topic's id."""

    topic: str
    data: bytes
    attributes: Mapping[str, str]


class RecordingProducer(Producer):
    """`Producer` with memory in place of the services; a name is taken for as long as it lives."""

    def __init__(self, settings: ProducerSettings, catalog: Catalog, registry: TaskRegistry) -> None:
        self._created = _Tasks()
        self._published = _Topics()
        self._blobs = _Blobs()
        super().__init__(
            settings, catalog, registry, blobs=self._blobs, tasks=self._created, topics=self._published
        )
        self.tasks: list[Task] = []
        """What was enqueued, without duplicates and what was cancelled."""
        self._names: list[str] = []
        self.events: list[Event] = []
        """What was told, in order."""

    @property
    def created(self) -> list[tasks_v2.Task]:
        """What Cloud Tasks would hold: enqueued and forwarded tasks, in the order of their creation."""
        return [tasks_v2.Task.wrap(task) for task in self._created.by_name.values()]

    @property
    def blobs(self) -> Mapping[str, bytes]:
        """Payloads that were too large for their task, by the key of the task's reference."""
        return {key: payload for key, (payload, _) in self._blobs.kept.items()}

    @property
    def published(self) -> list[Published]:
        return list(self._published.messages)

    def _accepted(self, task: Task, receipt: Receipt) -> None:
        if not receipt.duplicate:
            self.tasks.append(task)
            self._names.append(receipt.task)

    async def cancel(self, accepted: Receipt | Task) -> bool:
        cancelled = await super().cancel(accepted)
        left = [
            pair for pair in zip(self.tasks, self._names, strict=True) if pair[1] in self._created.by_name
        ]
        self.tasks[:], self._names[:] = [task for task, _ in left], [name for _, name in left]
        return cancelled

    async def publish_event(self, event: Event) -> str:
        message_id = await super().publish_event(event)
        self.events.append(event)
        return message_id


def recording(catalog: Catalog, registry: TaskRegistry | None = None) -> RecordingProducer:
    """`async with recording(catalog) as producer:` records what `enqueue` and its siblings are given.

    The catalog is the application's own (`load_catalog`); the registry is by default that of `TASK_TYPES`.
    """
    return RecordingProducer(ProducerSettings(), catalog, registry or TaskRegistry(TASK_TYPES))


class _Tasks:
    def __init__(self) -> None:
        self.by_name: dict[str, Any] = {}
        self.ended: set[str] = set()
        """Names that stay taken, as those of Cloud Tasks do for a while."""

    async def open(self) -> None: ...

    async def aclose(self) -> None: ...

    async def delete(self, name: str) -> bool:
        self.ended.update({name} & self.by_name.keys())
        return self.by_name.pop(name, None) is not None

    async def create_many(self, requests: Sequence[Any]) -> Sequence[bool | None]:
        return [await self.create(request) for request in requests]

    async def create(self, request: Any) -> bool:
        if request.task.name in self.ended:
            return False
        return self.by_name.setdefault(request.task.name, request.task) is request.task


class _Topics:
    def __init__(self) -> None:
        self.messages: list[Published] = []

    async def open(self) -> None: ...

    async def aclose(self) -> None: ...

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        self.messages.append(Published(topic=topic, data=data, attributes=dict(attributes)))
        return str(len(self.messages))


class _Blobs:
    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, datetime]] = {}

    async def put(self, reference: BlobReference, payload: bytes, *, keep_until: datetime) -> None:
        self.kept[reference.key] = (payload, keep_until)

    async def get(self, reference: BlobReference) -> bytes:
        try:
            return self.kept[reference.key][0]
        except KeyError:
            raise BlobMissing(f"nothing was recorded as blob {reference.key}") from None

    async def keep(self, reference: BlobReference, *, until: datetime) -> None:
        self.kept[reference.key] = (await self.get(reference), until)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        found = [key for key in self.kept if key.startswith(owner_digest(owner) + "/")]
        for key in () if dry_run else found:
            del self.kept[key]
        return len(found)
