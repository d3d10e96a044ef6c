"""`sidelane apps …`: which apps there are, who enabled them, their keys; shows a secret once, when made."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, get_args

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
from contracts import APP_ID, AppTrigger, app_server
from handlers.database import open_database
from handlers.endpoint_view import shown_keys
from handlers.health import in_words
from handlers.settings import HandlerSettings
from handlers.signing import Scheme
from stores import App, Apps, Health, SigningKey, rotated_keys

app = typer.Typer(no_args_is_help=True, help="Apps that users can enable, and their servers.")

PAGE = 200
MAX_NAME = 100
"""Characters of an app's name."""

TRIGGERS: tuple[AppTrigger, ...] = get_args(AppTrigger)

AppId = Annotated[str, typer.Argument(help="The app's id.")]
Uid = Annotated[str, typer.Argument(help="The user.")]


@app.command("list")
def list_apps(
    uid: Annotated[str | None, typer.Option("--uid", help="Only apps that this user enabled.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List apps, without their keys."""
    on_database(lambda settings: _list(settings, uid, as_json=as_json))


@app.command("add")
def add_app(
    app_id: AppId,
    url: str,
    owner: Annotated[str, typer.Option(help="The user who made it, and is told where its server fails.")],
    triggers: Annotated[
        list[str], typer.Option("--trigger", help=f"What it is told of; repeatable: {', '.join(TRIGGERS)}.")
    ],
    name: Annotated[str | None, typer.Option(help="What users call it; by default the id.")] = None,
    scheme: SchemeOption = Scheme.V1,
    secret: SecretName = None,
) -> None:
    """Add an app and show, this once, what its server verifies with."""
    if not re.match(APP_ID, app_id):
        raise typer.BadParameter("app_id: at most 64 letters, digits, '_' and '-'")
    called = (name or app_id).strip()
    if not 0 < len(called) <= MAX_NAME:
        raise typer.BadParameter(f"name: at most {MAX_NAME} characters, and not blank")
    check_address(url)
    key = made_key(scheme, secret)
    added = App(
        id=app_id,
        name=called,
        owner=owner,
        url=url,
        triggers=frozenset(map(_trigger, triggers)),
        keys=(SigningKey(secret=key),),
    )

    async def command(settings: HandlerSettings) -> bool:
        async with open_database(settings) as stores:
            new = await stores.apps.add_app(added)
            if new:  # another server than one that failed under this id
                await stores.targets.forget(app_server(app_id))
            return new

    if not on_database(command):
        typer.echo(f"there is an app {app_id}; `sidelane apps rotate-key` renews its key", err=True)
        raise typer.Exit(1)
    show_key(key)


@app.command("rotate-key")
def rotate_key(
    app_id: AppId,
    scheme: SchemeOption = Scheme.V1,
    secret: SecretName = None,
    overlap_hours: OverlapHours = OVERLAP_HOURS,
) -> None:
    """Give an app a new key and show it this once; the old ones sign beside it for a while."""
    key = made_key(scheme, secret)
    now, overlap = datetime.now(UTC), timedelta(hours=overlap_hours)
    _change(
        app_id, lambda found: replace(found, keys=rotated_keys(found.keys, key, now=now, overlap=overlap))
    )
    show_key(key)
    typer.echo(f"the old keys sign until {now + overlap:%Y-%m-%d %H:%M:%S} UTC")


@app.command("pause")
def pause_app(app_id: AppId) -> None:
    """Send an app's server nothing more; its tasks become dead letters, realtime ones are skipped."""
    _change(app_id, lambda found: replace(found, paused=True))
    typer.echo("paused")


@app.command("resume")
def resume_app(app_id: AppId) -> None:
    """Send to an app's server again; `sidelane dead replay --reason owner-paused` sends what it missed."""
    _change(app_id, lambda found: replace(found, paused=False))
    typer.echo("resumed")


@app.command("recover")
def recover_app(
    app_id: AppId, recover: Recover = True, per_second: PerSecond = 10.0, dry_run: DryRun = False
) -> None:
    """Send again to a server that was disabled or fails, and replay what it missed meanwhile.

    Doing it again changes nothing, and replays what was left.
    """
    enabling = Enabling(recover=recover, per_second=per_second, dry_run=dry_run)

    async def command(settings: HandlerSettings) -> int:
        async with open_database(settings) as stores:
            if await stores.apps.app(app_id) is None:
                raise _missing(app_id)
            return await enabling(app_server(app_id), stores, settings)

    if on_database(command):
        raise typer.Exit(1)


@app.command("enable")
def enable_app(uid: Uid, app_id: AppId) -> None:
    """Let an app be told of what happens to a user."""

    async def command(settings: HandlerSettings) -> bool:
        async with open_database(settings) as stores:
            if await stores.apps.app(app_id) is None:
                raise _missing(app_id)
            return await stores.apps.enable(uid, app_id)

    typer.echo("enabled" if on_database(command) else "is enabled already")


@app.command("disable")
def disable_app(uid: Uid, app_id: AppId) -> None:
    """Tell an app of a user no more; what is under way to it is skipped."""

    async def command(settings: HandlerSettings) -> bool:
        async with open_database(settings) as stores:
            return await stores.apps.disable(uid, app_id)

    typer.echo("disabled" if on_database(command) else "was not enabled")


def _trigger(word: str) -> AppTrigger:
    for trigger in TRIGGERS:
        if word == trigger:
            return trigger
    raise typer.BadParameter(f"trigger: {word!r} is none of {', '.join(TRIGGERS)}")


def _missing(app_id: str) -> typer.Exit:
    typer.echo(f"there is no app {app_id}; `sidelane apps list` shows them", err=True)
    return typer.Exit(1)


def _change(app_id: str, change: Callable[[App], App]) -> None:
    async def command(settings: HandlerSettings) -> App | None:
        async with open_database(settings) as stores:
            return await stores.apps.change_app(app_id, change)

    if on_database(command) is None:
        raise _missing(app_id)


async def _list(settings: HandlerSettings, uid: str | None, *, as_json: bool) -> None:
    now = datetime.now(UTC)
    table = Table(box=None, pad_edge=False)
    for column in ("app", "name", "owner", "state", "told of", "keys (newest first)"):
        table.add_column(column, no_wrap=True)
    table.add_column("url", overflow="fold")
    async with open_database(settings) as stores:
        async for found in _every(stores.apps, uid):
            health = await stores.targets.health(app_server(found.id))
            shown = _shown(found, health, now)
            if as_json:
                typer.echo(json.dumps(shown))
            told_of = ", ".join(shown["triggers"])
            keys = keys_in_words(shown["keys"])
            table.add_row(found.id, found.name, found.owner, _state(found, health), told_of, keys, found.url)
    if not as_json:
        Console().print(table)
        typer.echo(f"{table.row_count} apps")


async def _every(apps: Apps, uid: str | None) -> AsyncIterator[App]:
    after: str | None = None
    while page := (
        await apps.apps(limit=PAGE, after=after)
        if uid is None
        else await apps.enabled_apps(uid, limit=PAGE, after=after)
    ):
        for found in page:
            yield found
        after = page[-1].id


def _state(found: App, health: Health) -> str:
    words = ["paused"] if found.paused else []
    if health.disabled_at or health.failing_since:
        words.append(in_words(health))
    return ", ".join(words) or "active"


def _shown(found: App, health: Health, now: datetime) -> dict[str, Any]:
    """What may be seen of an app: of its keys the scheme or the secret's name, and the end."""
    return {
        "id": found.id,
        "name": found.name,
        "owner": found.owner,
        "url": found.url,
        "triggers": sorted(found.triggers),
        "paused": found.paused,
        "failing_since": health.failing_since.isoformat() if health.failing_since else None,
        "disabled_at": health.disabled_at.isoformat() if health.disabled_at else None,
        "disabled_for": health.disabled_for or None,
        "keys": shown_keys(found.keys, now),
    }
