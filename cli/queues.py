"""`sidelane queues …`: the queues as Cloud Tasks, or the emulator, has them; pause, resume and purge them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from contracts import CatalogError, load_catalog
from handlers.queues import COUNTED, CloudQueues
from producers import ProducerError, ProducerSettings

app = typer.Typer(no_args_is_help=True, help="Queues: what waits in Cloud Tasks.")

T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="A queue of the catalog, or its -retry sibling.")]


@app.command("list")
def list_queues(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List every queue of the catalog with its state, and where it differs from the catalog."""
    statuses = _on_queues(lambda queues: queues.statuses())
    if as_json:
        for status in statuses:
            typer.echo(json.dumps(asdict(status)))
        return
    table = Table("queue", "state", "per second", "at once", "differs", box=None, pad_edge=False)
    for status in statuses:
        table.add_row(
            status.name,
            status.state,
            f"{status.max_dispatches_per_second:g}",
            str(status.max_concurrent_dispatches),
            ", ".join(status.differs),
        )
    Console().print(table)


@app.command("show")
def show_queue(name: Name) -> None:
    """Say how many tasks wait in a queue."""
    waiting = _on_queues(lambda queues: queues.waiting(name))
    typer.echo(f"{name}: {waiting}{' or more' if waiting == COUNTED else ''} tasks")


@app.command("pause")
def pause_queue(name: Name) -> None:
    """Dispatch nothing of a queue; tasks are still taken, and lost when it stays paused for 31 days."""
    typer.echo(f"{name}: {_on_queues(lambda queues: queues.pause(name))}")


@app.command("resume")
def resume_queue(name: Name) -> None:
    """Dispatch a queue again."""
    typer.echo(f"{name}: {_on_queues(lambda queues: queues.resume(name))}")


@app.command("purge")
def purge_queue(
    name: Name,
    confirmed: Annotated[
        str | None, typer.Option("--confirm", help="The queue's name again, where nobody can be asked.")
    ] = None,
) -> None:
    """Delete every task of a queue for good: none is executed, none becomes a dead letter."""
    if confirmed is None:
        confirmed = typer.prompt(f"every task of {name} will be lost; type its name to go on")
    if confirmed != name:
        typer.echo(f"{confirmed!r} is not {name!r}: nothing was purged", err=True)
        raise typer.Exit(1)
    _on_queues(lambda queues: queues.purge(name))
    typer.echo(f"{name}: purged")


def _on_queues(call: Callable[[CloudQueues], Awaitable[T]]) -> T:
    """What the call returns; ends the process with status 2 where it failed."""

    async def run() -> T:
        settings = ProducerSettings()
        catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
        async with CloudQueues(settings, catalog) as queues:
            return await call(queues)

    try:
        return asyncio.run(run())
    except (ProducerError, CatalogError, ValidationError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
