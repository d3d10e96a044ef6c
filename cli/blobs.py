"""`sidelane blobs …`: keeps the folder of large payloads small, and those of open dead letters. Thin."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime

import typer

from cli.database import on_database
from contracts import load_catalog
from handlers.database import open_database, open_payloads
from handlers.dead_letters.sweep import Swept
from handlers.dead_letters.sweep import sweep as sweep_blobs
from handlers.settings import HandlerSettings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def blobs() -> None:
    """Payloads that are too large for their task."""


@app.command("sweep")
def sweep() -> None:
    """Remove the blobs that nothing needs any more; those of open dead letters are kept on first.

    In a bucket the lifecycle rule removes them: there this keeps on those of open dead letters alone.
    """
    done = on_database(_sweep)
    word = "the bucket's lifecycle rule removes" if done.removed is None else f"removed {done.removed} blobs"
    typer.echo(f"{done.open_letters} open dead letters; {word}")


async def _sweep(settings: HandlerSettings) -> Swept:
    catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
    async with open_database(settings) as stores, open_payloads(settings) as opened:
        return await sweep_blobs(
            stores.dead_letters, opened, catalog, clock=lambda: datetime.now(UTC), random=random.random
        )
