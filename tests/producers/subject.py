"""What the contract of a producer is asked of, and the task types it is asked with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from google.cloud.tasks_v2 import Task as CloudTask

from contracts import BlobReference, Task, TaskRegistry
from producers import Producer


class Note(Task):
    """A type that no registry of this deployment has, unless a test says so."""

    name: ClassVar[str] = "note"
    queue: ClassVar[str] = "developer-webhooks"

    id: str

    def identity(self) -> str:
        return self.id

    def target(self) -> str:
        return "notes"

    def route(self) -> str:
        return "nowhere" if self.id == "astray" else self.queue


class Orphan(Note):
    name: ClassVar[str] = "orphan"
    queue: ClassVar[str] = "no-such-queue"


@dataclass(frozen=True)
class Subject:
    """One kind of producer, and a look at what its Cloud Tasks holds."""

    build: Callable[[TaskRegistry], Producer]
    look: Callable[[Producer, str], Awaitable[CloudTask]]
    blob: Callable[[Producer, BlobReference], Awaitable[bytes]]
    """What it put into its blob store."""
