"""Remembers how far each task has come, so that what is done is not done again. Rules and protocol.

One row stands for one (type, identity, generation). Its rules are the pure functions `claim`, `release`,
`record` and `confirm`; a store only applies them to a row inside a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from contracts import Envelope, Position
from stores.outcome import FOLLOWED, Ended, Outcome, OutcomeKind

MAX_HISTORY = 100
"""Ends that a row keeps; the oldest leave first."""
MAX_STARTS = 101
"""Starts without an end that a row keeps: one above the highest limit that a catalog may set for poison."""


class Key(NamedTuple):
    type: str
    identity: str
    generation: int

    @classmethod
    def of(cls, envelope: Envelope) -> Key:
        return cls(envelope.type, envelope.identity, envelope.generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One request's try to run a task, and what the row shall know of the task from it."""

    key: Key
    position: Position
    token: str
    """No other start of the row has it: what is said in its name changes nothing of theirs."""
    at: datetime
    expires_at: datetime
    """The row may be forgotten then, if nobody starts until then."""
    lease: timedelta | None = None
    """Keep other starts away for so long, or until this one ends; None: they may run at the same time."""
    owner: str = ""
    queue: str = ""
    """The queue of the catalog that the task belongs to."""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    token: str
    """Of the start that holds it: nobody else gives it back."""
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    key: Key
    position: Position
    """The latest attempt and park that anybody claimed."""
    expires_at: datetime
    running: tuple[str, ...] = ()
    """Tokens of starts that ended without outcome or release, those still running included."""
    lease: Lease | None = None
    owner: str = ""
    queue: str = ""
    target: str = ""
    bugs: int = 0
    """Attempts that a bug of ours failed."""
    parked_since: datetime | None = None
    """When the unbroken run of parks that leads here began."""
    outcome: Outcome | None = None
    """The outcome at `position`; None while it runs, or after it died with its process."""
    body: bytes | None = None
    """The envelope at `position`, kept while something is still to follow from `outcome`: until the next
    position is claimed, or the dead letter confirmed."""
    history: tuple[Ended, ...] = ()

    @property
    def starts(self) -> int:
        """How many starts ended without outcome or release, those still running included."""
        return len(self.running)

    @property
    def follow_up_due(self) -> datetime | None:
        """When what is still to follow shall have happened; None where nothing is."""
        if self.outcome is None or self.body is None:
            return None
        return self.outcome.due or self.outcome.decided_at


@dataclass(frozen=True, slots=True)
class Started:
    """The claim stands: run the side effect."""

    row: Row


@dataclass(frozen=True, slots=True)
class Settled:
    """The task has this outcome: do its follow-up (again), and nothing else."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Superseded:
    """The task has gone on, or has ended: there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Leased:
    """Another start has the task for itself: come again, and do not forget it meanwhile."""

    until: datetime


Claim = Started | Settled | Superseded | Leased
Recorded = Settled | Superseded | Leased


def claim(row: Row | None, start: Start) -> tuple[Row, Claim]:
    """A request wants to run a position: the row as it is afterwards, and what the request may do.

    The same start claimed twice counts once.
    """
    if row is None:
        return (first := _first(start)), Started(first)
    if row.outcome is not None and _settles(row, row.outcome, start.position):
        return row, Settled(row.outcome)
    if start.position < row.position or (row.outcome is not None and row.outcome.final):
        return row, Superseded()
    if (held := _held_by_another(row, start, start.at)) is not None:
        return row, Leased(held.until)
    row = replace(
        row,
        position=start.position,
        expires_at=max(row.expires_at, start.expires_at),
        running=(*_without(row.running, start.token), start.token)[-MAX_STARTS:],
        lease=_lease(start),
        owner=start.owner or row.owner,
        queue=start.queue or row.queue,
        target=start.target or row.target,
        outcome=None,
        body=None,
    )
    return row, Started(row)


def release(row: Row, start: Start) -> Row:
    """A start ended in an orderly way without an outcome: it is not held against the task."""
    lease = None if row.lease is not None and row.lease.token == start.token else row.lease
    return replace(row, running=_without(row.running, start.token), lease=lease)


def record(row: Row | None, start: Start, outcome: Outcome, body: bytes) -> tuple[Row, Recorded]:
    """An attempt ended: the row afterwards, and what stands there; `body` is its envelope, which counts
    only where something is to follow.

    The first outcome of a position wins, and nothing where the task has gone on meanwhile. Whose lease went
    to another start only tells that it is done; what else it has to say is for the holder to find out.
    """
    if row is None:  # it was erased, or expired, while the attempt was under way
        row = _first(start)
    if row.outcome is not None and row.position == start.position:
        return release(row, start), Settled(row.outcome)
    if start.position < row.position or (row.outcome is not None and row.outcome.final):
        return release(row, start), Superseded()
    held = _held_by_another(row, start, outcome.decided_at)
    if held is not None and outcome.kind is not OutcomeKind.DONE:
        return release(row, start), Leased(held.until)
    row = replace(
        row,
        position=start.position,
        running=_without(row.running, start.token),
        lease=None,
        outcome=outcome,
        body=body if outcome.kind in FOLLOWED else None,
        bugs=row.bugs + outcome.charged_to_us,
        parked_since=(row.parked_since or outcome.decided_at) if outcome.kind is OutcomeKind.PARK else None,
        history=(*row.history, Ended(position=start.position, outcome=outcome))[-MAX_HISTORY:],
    )
    return row, Settled(outcome)


def confirm(row: Row, position: Position) -> Row:
    """Who was at this position published the dead letter: nothing is to follow any more."""
    if position < row.position or row.outcome is None or row.outcome.kind is not OutcomeKind.DEAD:
        return row
    return replace(row, body=None)


def _first(start: Start) -> Row:
    """The row as the first start makes it."""
    return Row(
        key=start.key,
        position=start.position,
        expires_at=start.expires_at,
        running=(start.token,),
        lease=_lease(start),
        owner=start.owner,
        queue=start.queue,
        target=start.target,
    )


def _lease(start: Start) -> Lease | None:
    return Lease(start.token, start.at + start.lease) if start.lease is not None else None


def _settles(row: Row, outcome: Outcome, position: Position) -> bool:
    """Whether the outcome speaks for this position: for its own, and for those that it passed over.

    A dead letter that is not confirmed is everybody's to publish: perhaps nobody else is left to do it.
    """
    if position < row.position:
        return False
    if position == row.position:
        return True
    if outcome.final:
        return row.body is not None
    return outcome.next is not None and position < outcome.next


def _held_by_another(row: Row, start: Start, now: datetime) -> Lease | None:
    lease = row.lease
    return lease if lease is not None and lease.token != start.token and now < lease.until else None


def _without(tokens: tuple[str, ...], token: str) -> tuple[str, ...]:
    return tuple(each for each in tokens if each != token)


class Ledger(Protocol):
    """A store of rows. Every method raises `StoreUnavailable` where it could not do its work whole."""

    async def claim(self, start: Start) -> Claim:
        """Apply `claim` and keep the row before answering."""

    async def release(self, start: Start) -> None:
        """Apply `release`; a row that is not there is left so."""

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        """Apply `record` and keep the row before answering."""

    async def confirm(self, key: Key, position: Position) -> None:
        """Apply `confirm`; a row that is not there is left so."""

    async def read(self, key: Key) -> Row | None:
        """The row as it is."""

    async def latest(self, type_name: str, identity: str) -> Row | None:
        """The row of the highest generation."""

    async def overdue(self, before: datetime, *, limit: int, after: Row | None = None) -> Sequence[Row]:
        """At most `limit` rows whose `follow_up_due` is before that moment, the earliest first.

        Args:
            after: the last row of the page before.
        """

    async def sweep(self, now: datetime, *, limit: int) -> int:
        """Forget at most `limit` rows that have expired; how many. 0 where the storage does it by itself."""

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Forget every row of this user's tasks; how many there were. With `dry_run` they stay."""
