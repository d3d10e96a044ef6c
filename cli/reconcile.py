"""`sidelane reconcile`: does again what should have followed from an attempt and never did. Thin."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import typer

from cli.database import on_database
from contracts import TASK_TYPES, TaskRegistry, load_catalog
from handlers.database import open_database
from handlers.follow_up import FollowUp
from handlers.reconciler import Reconciled, Reconciler
from handlers.settings import HandlerSettings
from lanes import Telemetry
from producers import Producer


def reconcile() -> None:
    """Do overdue follow-ups again, and forget rows of the ledger that have expired."""
    done = on_database(_reconcile)
    overdue = f"; the oldest was overdue for {done.oldest}" if done.oldest is not None else ""
    typer.echo(
        f"redone {done.redone}, already there {done.there}, failed {done.failed}{overdue}; "
        f"forgot {done.swept} expired rows"
    )
    if not done.complete:
        typer.echo("not complete: call it again", err=True)
    if done.failed or not done.complete:
        raise typer.Exit(1)


async def _reconcile(settings: HandlerSettings) -> Reconciled:
    catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
    async with (
        open_database(settings) as stores,
        Producer(settings, catalog, TaskRegistry(TASK_TYPES)) as producer,
    ):
        reconciler = Reconciler(
            stores.ledger,
            FollowUp(producer, stores.ledger),
            catalog,
            telemetry=Telemetry(),
            clock=lambda: datetime.now(UTC),
        )
        return await reconciler.run()
