"""Remembers the tasks that were given up, until somebody looks after them. The protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts import DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which dead letters are meant; a field that is None means all."""

    type: str | None = None
    queue: str | None = None
    target: str | None = None
    owner: str | None = None
    reason: str | None = None
    died_after: datetime | None = None
    died_before: datetime | None = None
    replayed: bool | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A dead letter in the store, and what became of it."""

    letter: DeadLetter
    replayed_at: datetime | None = None
    replayed_as: int | None = None
    """The generation of the replay."""


class DeadLetters(Protocol):
    """Raises `StoreUnavailable` where the storage is away."""

    async def add(self, letter: DeadLetter) -> bool:
        """Keep the letter; False where it was there already."""

    async def get(self, letter_id: str) -> Kept | None:
        """The letter of this id."""

    async def find(self, wanted: Filter, *, limit: int, after: str | None = None) -> tuple[Kept, ...]:
        """At most `limit` letters in the order of their ids, from the one after the id `after` on."""

    async def mark_replayed(self, letter_id: str, *, generation: int, at: datetime) -> None:
        """Note that the letter's task was enqueued again as this generation."""

    async def erase(self, owner: str) -> int:
        """Remove every letter that holds this user's data; how many there were."""
