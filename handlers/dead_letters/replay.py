"""Enqueues a dead letter's task again, as the next generation of the same event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts import Catalog, Envelope, Undecodable
from handlers.follow_up import Outbox
from stores import DeadLetters, Kept, Ledger, OutcomeKind


@dataclass(frozen=True, slots=True)
class Replayed:
    letter_id: str
    generation: int
    task: str
    """Full name of the Cloud Task."""


@dataclass(frozen=True, slots=True)
class NotReplayed:
    letter_id: str
    why: str


async def plan(kept: Kept, *, ledger: Ledger, catalog: Catalog, now: datetime) -> Envelope | NotReplayed:
    """The task as it would be enqueued, or why it would not be.

    Raises:
        StoreUnavailable: the ledger is away.
    """
    letter = kept.letter
    if letter.queue not in catalog:
        return NotReplayed(letter.id, f"the catalog has no queue {letter.queue!r} any more; add it")
    try:
        envelope = Envelope.decode(letter.body)
    except Undecodable as error:
        return NotReplayed(letter.id, f"its envelope cannot be read: {error.detail}")
    latest = await ledger.latest(envelope.type, envelope.identity)
    if latest is not None and latest.key.generation > envelope.generation:
        dead = latest.outcome is not None and latest.outcome.kind is OutcomeKind.DEAD
        state = "died too: replay its own letter" if dead else "is under way or done"
        return NotReplayed(letter.id, f"generation {latest.key.generation} of this task {state}")
    return envelope.replayed(envelope.generation + 1, now)


async def replay(
    kept: Kept, *, ledger: Ledger, letters: DeadLetters, outbox: Outbox, catalog: Catalog, now: datetime
) -> Replayed | NotReplayed:
    """Enqueue the task of a letter on its queue and note it. Doing it twice enqueues it once.

    Raises:
        StoreUnavailable: a store is away.
        ProducerError: the task could not be enqueued; the letter is left as it was.
    """
    planned = await plan(kept, ledger=ledger, catalog=catalog, now=now)
    if isinstance(planned, NotReplayed):
        return planned
    receipt = await outbox.forward(planned, kept.letter.queue)
    await letters.mark_replayed(kept.letter.id, generation=planned.generation, at=now)
    return Replayed(kept.letter.id, planned.generation, receipt.task)
