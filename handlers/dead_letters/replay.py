"""Enqueues dead letters' tasks again, each as the next generation of its event, no faster than told.

An event that its subscription gave up is published to its topic again: what follows from it is named by its
own identity, so that what it has already led to is not done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from contracts import EVENT_TYPE, Catalog, Envelope, Undecodable
from handlers.dead_letters.reading import original
from handlers.follow_up import Outbox
from handlers.push import Pushed
from producers import ProducerError, Unreachable
from stores import DeadLetters, Kept, Ledger, OutcomeKind, StoreError


@dataclass(frozen=True, slots=True)
class Replayed:
    letter_id: str
    generation: int
    task: str
    """Full name of the Cloud Task; of an event, the id of its message."""


@dataclass(frozen=True, slots=True)
class NotReplayed:
    letter_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What a dry run found."""

    letter_id: str
    generation: int
    queue: str
    """Of an event, its topic."""


@dataclass(frozen=True, slots=True)
class _Publication:
    topic: str
    data: bytes
    attributes: dict[str, str]
    generation: int


def _publication(kept: Kept, catalog: Catalog) -> _Publication | NotReplayed:
    letter = kept.letter
    topics = {topic.subscription: topic.name for topic in catalog.event_topics()}
    if letter.queue not in topics:
        return NotReplayed(letter.id, f"the catalog has no events of subscription {letter.queue!r}; add it")
    try:
        data, attributes = original(Pushed.from_json(letter.body))
    except Undecodable as error:
        return NotReplayed(letter.id, f"its message cannot be read: {error.detail}")
    return _Publication(topics[letter.queue], data, attributes, (kept.replayed_as or 0) + 1)


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
    if kept.letter.type == EVENT_TYPE:
        event = _publication(kept, catalog)
        if isinstance(event, NotReplayed):
            return event
        message_id = await outbox.publish(event.topic, event.data, event.attributes)
        await letters.mark_replayed(kept.letter.id, generation=event.generation, at=now)
        return Replayed(kept.letter.id, event.generation, message_id)
    planned = await plan(kept, ledger=ledger, catalog=catalog, now=now)
    if isinstance(planned, NotReplayed):
        return planned
    receipt = await outbox.forward(planned, kept.letter.queue)
    await letters.mark_replayed(kept.letter.id, generation=planned.generation, at=now)
    return Replayed(kept.letter.id, planned.generation, receipt.task)


async def replay_each(
    selected: AsyncIterator[Kept],
    *,
    ledger: Ledger,
    letters: DeadLetters,
    outbox: Outbox,
    catalog: Catalog,
    clock: Callable[[], datetime],
    per_second: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    dry_run: bool = False,
) -> AsyncIterator[tuple[Kept, Replayed | NotReplayed | Planned]]:
    """Replay letter by letter, and tell of each; a dry run tells what would be done and does nothing.

    Where a store or the task service is away, that letter is told as not replayed and the rest is not tried.

    Args:
        per_second: replays a second at most: the targets get their ordinary tasks besides.
    """
    replayed = 0
    async for kept in selected:
        now = clock()
        try:
            if dry_run:
                yield kept, await _planned(kept, ledger=ledger, catalog=catalog, now=now)
                continue
            if replayed:
                await sleep(1 / per_second)
            result = await replay(
                kept, ledger=ledger, letters=letters, outbox=outbox, catalog=catalog, now=now
            )
        except (Unreachable, StoreError) as error:
            yield kept, NotReplayed(kept.letter.id, f"{error}; the rest was not tried")
            return
        except ProducerError as error:
            result = NotReplayed(kept.letter.id, str(error))
        replayed += isinstance(result, Replayed)
        yield kept, result


async def _planned(kept: Kept, *, ledger: Ledger, catalog: Catalog, now: datetime) -> Planned | NotReplayed:
    if kept.letter.type == EVENT_TYPE:
        event = _publication(kept, catalog)
        if isinstance(event, NotReplayed):
            return event
        return Planned(kept.letter.id, event.generation, event.topic)
    planned = await plan(kept, ledger=ledger, catalog=catalog, now=now)
    if isinstance(planned, NotReplayed):
        return planned
    return Planned(kept.letter.id, planned.generation, kept.letter.queue)
