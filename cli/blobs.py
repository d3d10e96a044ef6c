"""`sidelane blobs …`: keeps the folder of large payloads small, and those of open dead letters. Thin."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import typer

from cli.database import on_database
from contracts import load_catalog
from handlers.database import open_database, open_payloads
from handlers.dead_letters.payloads import LetterPayloads
from handlers.dead_letters.selection import select
from handlers.settings import HandlerSettings
from stores import Filter
from stores.local import LocalBlobs

app = typer.Typer(no_args_is_help=True)


@app.callback()
def blobs() -> None:
    """Payloads that are too large for their task."""


@app.command("sweep")
def sweep() -> None:
    """Remove the blobs that nothing needs any more; those of open dead letters are kept on first.

    In a bucket the lifecycle rule removes them: there this keeps on those of open dead letters alone.
    """
    kept, removed = on_database(_sweep)
    swept = "the bucket's lifecycle rule removes" if removed is None else f"removed {removed} blobs"
    typer.echo(f"{kept} open dead letters; {swept}")


async def _sweep(settings: HandlerSettings) -> tuple[int, int | None]:
    now, kept = datetime.now(UTC), 0
    catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
    async with open_database(settings) as stores, open_payloads(settings) as opened:
        payloads = LetterPayloads(opened, catalog)
        async for each in select(stores.dead_letters, Filter.open()):
            await payloads.keep(each.letter, since=now)
            kept += 1
        return kept, await opened.sweep(now) if isinstance(opened, LocalBlobs) else None
