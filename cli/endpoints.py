"""`sidelane endpoints …`: whose servers are told of what, and their keys; shows a secret once, when made."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from cli.database import on_database
from contracts import WebhookKind
from handlers.database import open_database
from handlers.errors import BadSigningKey
from handlers.secrets import names_secret
from handlers.settings import HandlerSettings
from handlers.signing import Scheme, new_secret, public_key, scheme_of
from lanes import EgressRefused, LanesSettings, check_url
from stores import OVERLAP, Directory, Endpoint, SigningKey, rotated

app = typer.Typer(no_args_is_help=True, help="Endpoints: the servers that users registered for webhooks.")

PAGE = 200

Uid = Annotated[str, typer.Argument(help="The user whose endpoint it is.")]
Kind = Annotated[WebhookKind, typer.Argument(help="The kind of event that it is told of.")]
SchemeOption = Annotated[
    Scheme, typer.Option("--scheme", help="v1: one secret for both sides; v1a: a public key to verify with.")
]
SecretName = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="projects/P/secrets/S/versions/V",
        help="The secret of Secret Manager that holds the key, instead of a new one. A must on Cloud Run.",
    ),
]


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
    _check(url)
    secret = _key(scheme, name)
    endpoint = Endpoint(uid=uid, kind=kind, url=url, keys=(SigningKey(secret=secret),))
    if not on_database(lambda settings: _add(settings, endpoint)):
        typer.echo(
            f"{uid} has an endpoint for {kind}; `sidelane endpoints rotate-key` renews its key", err=True
        )
        raise typer.Exit(1)
    _show_key(secret)


@app.command("rotate-key")
def rotate_key(
    uid: Uid,
    kind: Kind,
    scheme: SchemeOption = Scheme.V1,
    name: SecretName = None,
    overlap_hours: Annotated[
        float, typer.Option(help="How long the old keys still sign; 0 where one was stolen.", min=0, max=720)
    ] = OVERLAP / timedelta(hours=1),
) -> None:
    """Give an endpoint a new key and show it this once; the old ones sign beside it for a while."""
    secret = _key(scheme, name)
    now, overlap = datetime.now(UTC), timedelta(hours=overlap_hours)
    _change(uid, kind, lambda endpoint: rotated(endpoint, secret, now=now, overlap=overlap))
    _show_key(secret)
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


def _check(url: str) -> None:
    try:
        check_url(httpx.URL(url), LanesSettings().egress())
    except (httpx.InvalidURL, EgressRefused) as error:
        raise typer.BadParameter(f"url: {error}") from error


def _key(scheme: Scheme, name: str | None) -> str:
    """What the directory holds: a new key, or the name of the one that is in Secret Manager."""
    if name is None:
        return new_secret(scheme, secrets.token_bytes)
    if not names_secret(name):
        raise typer.BadParameter("secret: write projects/P/secrets/S/versions/V")
    return name


def _show_key(secret: str) -> None:
    """Of a v1a key its owner needs the public half alone: the secret one never leaves the directory."""
    if names_secret(secret):
        typer.echo(f"signed by {secret}")
        return
    typer.echo(secret if scheme_of(secret) is Scheme.V1 else public_key(secret))


def _change(uid: str, kind: WebhookKind, change: Callable[[Endpoint], Endpoint]) -> None:
    async def command(settings: HandlerSettings) -> Endpoint | None:
        async with open_database(settings) as stores:
            return await stores.directory.change_endpoint(uid, kind, change)

    if on_database(command) is None:
        typer.echo(f"{uid} has no endpoint for {kind}; `sidelane endpoints list` shows them", err=True)
        raise typer.Exit(1)


async def _add(settings: HandlerSettings, endpoint: Endpoint) -> bool:
    async with open_database(settings) as stores:
        return await stores.directory.add_endpoint(endpoint)


async def _list(settings: HandlerSettings, uid: str | None, *, as_json: bool) -> None:
    now = datetime.now(UTC)
    table = Table(box=None, pad_edge=False)
    for name in ("user", "kind", "state", "keys (newest first)"):
        table.add_column(name, no_wrap=True)
    table.add_column("url", overflow="fold")
    async with open_database(settings) as stores:
        async for endpoint in _every(stores.directory, uid):
            shown = _shown(endpoint, now)
            if as_json:
                typer.echo(json.dumps(shown))
            keys = ", ".join(_key_in_words(key) for key in shown["keys"])
            table.add_row(
                endpoint.uid, endpoint.kind, "paused" if endpoint.paused else "active", keys, endpoint.url
            )
    if not as_json:
        Console().print(table)
        typer.echo(f"{table.row_count} endpoints")


async def _every(directory: Directory, uid: str | None) -> AsyncIterator[Endpoint]:
    after: Endpoint | None = None
    while page := await directory.endpoints(uid=uid, limit=PAGE, after=after):
        for endpoint in page:
            yield endpoint
        after = page[-1]


def _shown(endpoint: Endpoint, now: datetime) -> dict[str, Any]:
    """What may be seen of an endpoint: of its keys the scheme or the secret's name, and the end."""
    return {
        "uid": endpoint.uid,
        "kind": endpoint.kind,
        "url": endpoint.url,
        "paused": endpoint.paused,
        "keys": [
            {"scheme": _scheme(key), "not_after": key.not_after.isoformat() if key.not_after else None}
            for key in endpoint.keys
            if key.signs_at(now)
        ],
    }


def _scheme(key: SigningKey) -> str:
    if names_secret(key.secret):
        return key.secret
    try:
        return scheme_of(key.secret)
    except BadSigningKey:
        return "malformed"


def _key_in_words(key: dict[str, str | None]) -> str:
    return f"{key['scheme']} until {key['not_after']:.16}" if key["not_after"] else f"{key['scheme']}"
