"""Remembers the tasks that were given up, until somebody looks after them. The protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self

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
    discarded: bool | None = None

    @classmethod
    def open(cls, **fields: Any) -> Self:
        """The letters that nobody has decided on: neither replayed nor discarded."""
        return cls(**fields, replayed=False, discarded=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """A dead letter in the store, and what became of it."""

    letter: DeadLetter
    replayed_at: datetime | None = None
    replayed_as: int | None = None
    """The generation of the replay."""
    discarded_at: datetime | None = None
    discard_reason: str = ""
    """What whoever discarded it said."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many letters of one queue and reason wait for a decision, and since when."""

    queue: str
    reason: str
    count: int
    oldest: datetime
    """When the first of them died."""


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

    async def discard(self, letter_id: str, *, reason: str, at: datetime) -> bool:
        """Note that nobody wants the letter's task done, and why; the first word stands.

        The letter itself stays until `sweep`. False where there is no such letter.
        """

    async def depths(self, *, limit: int) -> tuple[Depth, ...]:
        """How many open letters (`Filter.open`) there are by queue and reason, in that order.

        Of more than `limit` a store may tell the oldest alone, and no fewer.
        """

    async def sweep(self, closed_before: datetime, *, limit: int) -> int:
        """Remove at most `limit` letters that were replayed or discarded before; how many there were.

        A letter that was replayed and discarded counts by the later of both. An open letter always stays.
        """

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Remove every letter that holds this user's data; how many there were. With `dry_run` they stay."""
