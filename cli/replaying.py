"""Replays dead letters and says of each what became of it, for whichever command asked for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import typer

from contracts import Catalog
from handlers.dead_letters.replay import NotReplayed, Planned, Replayed, replay_each
from producers import Producer
from stores import Kept, Stores


async def replay_and_tell(
    selected: AsyncIterator[Kept],
    *,
    stores: Stores,
    producer: Producer,
    catalog: Catalog,
    per_second: float,
    dry_run: bool,
) -> int:
    """How many letters could not be replayed."""
    done = failed = 0
    async for kept, result in replay_each(
        selected,
        ledger=stores.ledger,
        letters=stores.dead_letters,
        outbox=producer,
        catalog=catalog,
        clock=lambda: datetime.now(UTC),
        per_second=per_second,
        dry_run=dry_run,
    ):
        match result:
            case NotReplayed(why=why):
                word, failed = f"not replayed: {why}", failed + 1
            case Planned(generation=generation, queue=queue):
                word, done = f"would be generation {generation} on {queue}", done + 1
            case Replayed(generation=generation, task=task):
                word, done = f"generation {generation} as {task}", done + 1
        typer.echo(f"{kept.letter.id} {kept.letter.type} {kept.letter.identity}: {word}")
    typer.echo(f"{'would replay' if dry_run else 'replayed'} {done}, left {failed}")
    return failed
