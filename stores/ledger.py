"""Remembers how far each task has come, so that what is done is not done again. Rules and protocol.

One row stands for one (type, identity, generation). Its rules are the pure functions `claim`,
`release` and `record`; a store only applies them to a row inside a transaction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contracts import Envelope, Position

MAX_HISTORY = 100
"""Ends that a row keeps; the oldest leave first."""


class OutcomeKind(StrEnum):
    DONE = "done"
    RETRY = "retry"
    PARK = "park"
    DEAD = "dead"
    SKIPPED = "skipped"


FINAL = frozenset({OutcomeKind.DONE, OutcomeKind.DEAD, OutcomeKind.SKIPPED})


class Outcome(BaseModel):
    """What an attempt's end means for its task."""

    model_config = ConfigDict(frozen=True)

    kind: OutcomeKind
    reason: str
    """One word of a closed list, fit for a metric's label."""
    detail: str = ""
    decided_at: AwareDatetime
    due: AwareDatetime | None = None
    """When the task goes on; set for retry and park alone."""
    next: Position | None = None
    """Where it goes on; set for retry and park alone."""
    charged_to_us: bool = False
    """The attempt failed by a bug of ours and counts against the budget for those."""

    @property
    def final(self) -> bool:
        return self.kind in FINAL


class Key(NamedTuple):
    type: str
    identity: str
    generation: int

    @classmethod
    def of(cls, envelope: Envelope) -> Key:
        return cls(envelope.type, envelope.identity, envelope.generation)


class Ended(BaseModel):
    """One line of a row's history."""

    model_config = ConfigDict(frozen=True)

    position: Position
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    key: Key
    position: Position
    """The latest attempt and park that anybody claimed."""
    starts: int
    """Starts that ended without outcome or release, those still running included."""
    bugs: int = 0
    """Attempts that a bug of ours failed."""
    parked_since: datetime | None = None
    """When the unbroken run of parks that leads here began."""
    outcome: Outcome | None = None
    """The outcome at `position`; None while it runs, or after it died with its process."""
    history: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """The claim stands: run the side effect."""

    row: Row


@dataclass(frozen=True, slots=True)
class Settled:
    """This very position has its outcome: do the follow-up again, and nothing else."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Superseded:
    """The task has gone on, or has ended: there is nothing to do."""


Claim = Started | Settled | Superseded


def claim(row: Row | None, key: Key, position: Position) -> tuple[Row, Claim]:
    """A request wants to run `position`: the row as it is afterwards, and what the request may do."""
    if row is None:
        row = Row(key=key, position=position, starts=1)
        return row, Started(row)
    if row.outcome is not None and row.position == position:
        return row, Settled(row.outcome)
    if position < row.position or (row.outcome is not None and row.outcome.final):
        return row, Superseded()
    row = replace(row, position=position, starts=row.starts + 1, outcome=None)
    return row, Started(row)


def release(row: Row) -> Row:
    """A start ended in an orderly way without an outcome: it is not held against the task."""
    return replace(row, starts=max(0, row.starts - 1))


def record(row: Row | None, key: Key, position: Position, outcome: Outcome) -> tuple[Row, Outcome | None]:
    """An attempt ended: the row afterwards, and the outcome that stands at `position`.

    The first outcome of a position wins, and None stands where the task has gone on meanwhile.
    """
    row = release(row) if row else Row(key=key, position=position, starts=0)
    if position < row.position:
        return row, None
    if row.outcome is not None:
        return (row, row.outcome) if row.position == position else (row, None)
    row = replace(
        row,
        position=position,
        outcome=outcome,
        bugs=row.bugs + outcome.charged_to_us,
        parked_since=(row.parked_since or outcome.decided_at) if outcome.kind is OutcomeKind.PARK else None,
        history=(*row.history, Ended(position=position, outcome=outcome))[-MAX_HISTORY:],
    )
    return row, outcome


class Ledger(Protocol):
    """A store of rows. Every method raises `StoreUnavailable` where it could not do its work whole."""

    async def claim(self, key: Key, position: Position) -> Claim:
        """Apply `claim` and keep the row before answering."""

    async def release(self, key: Key) -> None:
        """Apply `release`; a row that is not there is left so."""

    async def record(self, key: Key, position: Position, outcome: Outcome) -> Outcome | None:
        """Apply `record` and keep the row before answering."""

    async def read(self, key: Key) -> Row | None:
        """The row as it is."""

    async def latest(self, type_name: str, identity: str) -> Row | None:
        """The row of the highest generation."""
