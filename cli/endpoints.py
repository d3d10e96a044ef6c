"""`sidelane endpoints …`: whose servers are told of what, and their keys; shows a secret once, when made."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.database import on_database
from cli.enabling import DryRun, Enabling, PerSecond, Recover
from cli.signing_keys import (
    OVERLAP_HOURS,
    OverlapHours,
    SchemeOption,
    SecretName,
    check_address,
    keys_in_words,
    made_key,
    show_key,
)
from contracts import WebhookKind, developer_endpoint
from handlers.database import open_database
from handlers.endpoint_view import every, summary
from handlers.health import in_words
from handlers.settings import HandlerSettings
from handlers.signing import Scheme
from stores import Endpoint, Health, SigningKey, rotated

app = typer.Typer(no_args_is_help=True, help="Endpoints: the servers that users registered for webhooks.")

Uid = Annotated[str, typer.Argument(help="The user whose endpoint it is.")]
Kind = Annotated[WebhookKind, typer.Argument(help="The kind of event that it is told of.")]


@app.command("list")
def list_endpoints(
    uid: Annotated[str | None, typer.Option("--uid", help="Only endpoints of this user.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List endpoints, without their keys."""
    on_database(lambda settings: _list(settings, uid, as_json=as_json))


@app.command("add")
def add_endpoint(
    uid: Uid, kind: Kind, url: str, scheme: SchemeOption = Scheme.V1, name: SecretName = None
) -> None:
    """Register an endpoint and show, this once, what its owner verifies with."""
    check_address(url)
    secret = made_key(scheme, name)
    endpoint = Endpoint(uid=uid, kind=kind, url=url, keys=(SigningKey(secret=secret),))
    if not on_database(lambda settings: _add(settings, endpoint)):
        typer.echo(
            f"{uid} has an endpoint for {kind}; `sidelane endpoints rotate-key` renews its key", err=True
        )
        raise typer.Exit(1)
    show_key(secret)


@app.command("rotate-key")
def rotate_key(
    uid: Uid,
    kind: Kind,
    scheme: SchemeOption = Scheme.V1,
    name: SecretName = None,
    overlap_hours: OverlapHours = OVERLAP_HOURS,
) -> None:
    """Give an endpoint a new key and show it this once; the old ones sign beside it for a while."""
    secret = made_key(scheme, name)
    now, overlap = datetime.now(UTC), timedelta(hours=overlap_hours)
    _change(uid, kind, lambda endpoint: rotated(endpoint, secret, now=now, overlap=overlap))
    show_key(secret)
    typer.echo(f"the old keys sign until {now + overlap:%Y-%m-%d %H:%M:%S} UTC")


@app.command("pause")
def pause_endpoint(uid: Uid, kind: Kind) -> None:
    """Send an endpoint nothing more; its tasks become dead letters, realtime ones are skipped."""
    _change(uid, kind, lambda endpoint: replace(endpoint, paused=True))
    typer.echo("paused")


@app.command("resume")
def resume_endpoint(uid: Uid, kind: Kind) -> None:
    """Send to an endpoint again; `sidelane dead replay --reason owner-paused` makes up for what it missed."""
    _change(uid, kind, lambda endpoint: replace(endpoint, paused=False))
    typer.echo("resumed")


@app.command("enable")
def enable_endpoint(
    uid: Uid,
    kind: Kind,
    recover: Recover = True,
    per_second: PerSecond = 10.0,
    dry_run: DryRun = False,
) -> None:
    """Send to an endpoint again that was disabled or fails, and replay what it missed meanwhile.

    Doing it again changes nothing, and replays what was left.
    """
    enabling = Enabling(recover=recover, per_second=per_second, dry_run=dry_run)

    async def command(settings: HandlerSettings) -> int:
        async with open_database(settings) as stores:
            if await stores.directory.endpoint(uid, kind) is None:
                typer.echo(f"{uid} has no endpoint for {kind}", err=True)
                raise typer.Exit(1)
            return await enabling(developer_endpoint(uid, kind), stores, settings)

    if on_database(command):
        raise typer.Exit(1)


def _change(uid: str, kind: WebhookKind, change: Callable[[Endpoint], Endpoint]) -> None:
    async def command(settings: HandlerSettings) -> Endpoint | None:
        async with open_database(settings) as stores:
            return await stores.directory.change_endpoint(uid, kind, change)

    if on_database(command) is None:
        typer.echo(f"{uid} has no endpoint for {kind}; `sidelane endpoints list` shows them", err=True)
        raise typer.Exit(1)


async def _add(settings: HandlerSettings, endpoint: Endpoint) -> bool:
    async with open_database(settings) as stores:
        added = await stores.directory.add_endpoint(endpoint)
        if added:  # another server than the one that failed under this name
            await stores.targets.forget(developer_endpoint(endpoint.uid, endpoint.kind))
        return added


async def _list(settings: HandlerSettings, uid: str | None, *, as_json: bool) -> None:
    now = datetime.now(UTC)
    table = Table(box=None, pad_edge=False)
    for name in ("user", "kind", "state", "keys (newest first)"):
        table.add_column(name, no_wrap=True)
    table.add_column("url", overflow="fold")
    async with open_database(settings) as stores:
        async for endpoint in every(stores.directory, uid):
            health = await stores.targets.health(developer_endpoint(endpoint.uid, endpoint.kind))
            shown = summary(endpoint, health, now)
            if as_json:
                typer.echo(json.dumps(shown))
            keys = keys_in_words(shown["keys"])
            table.add_row(endpoint.uid, endpoint.kind, _state(endpoint, health), keys, endpoint.url)
    if not as_json:
        Console().print(table)
        typer.echo(f"{table.row_count} endpoints")


def _state(endpoint: Endpoint, health: Health) -> str:
    words = ["paused"] if endpoint.paused else []
    if health.disabled_at or health.failing_since:
        words.append(in_words(health))
    return ", ".join(words) or "active"
