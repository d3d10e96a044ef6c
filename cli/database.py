"""Runs a command on the handlers' database, and says in one line what it could not do; makes no database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import typer
from pydantic import ValidationError

from contracts import CatalogError
from handlers.errors import HandlerError
from handlers.settings import HandlerSettings
from lanes import LaneError
from producers import ProducerError
from stores import SqliteFile, StoreError

T = TypeVar("T")


def on_database(command: Callable[[HandlerSettings], Coroutine[Any, Any, T]]) -> T:
    """What the command returns; ends the process with status 2 where there is no database or it failed."""
    try:
        settings = HandlerSettings()
        where = settings.database
        if isinstance(where, SqliteFile) and not where.path.exists():
            typer.echo(f"there is no {where}; set SIDELANE_DATABASE to the handlers' database", err=True)
            raise typer.Exit(2)
        return asyncio.run(command(settings))
    except (StoreError, ProducerError, HandlerError, LaneError, CatalogError, ValidationError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
