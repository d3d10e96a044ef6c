"""`sidelane endpoints …`: whose servers are told of what, and their keys; shows a secret once, when made."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from cli.database import on_database
from cli.replaying import replay_and_tell
from contracts import TASK_TYPES, TaskRegistry, WebhookKind, developer_endpoint, load_catalog
from handlers.database import open_database
from handlers.endpoints import enable, missed
from handlers.errors import BadSigningKey
from handlers.health import enabled, in_words
from handlers.secrets import names_secret
from handlers.settings import HandlerSettings
from handlers.signing import Scheme, new_secret, public_key, scheme_of
from lanes import EgressRefused, LanesSettings, check_url
from producers import Producer
from stores import OVERLAP, Directory, Endpoint, Health, SigningKey, rotated

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


@app.command("enable")
def enable_endpoint(
    uid: Uid,
    kind: Kind,
    recover: Annotated[bool, typer.Option(help="Send what it missed since it began to fail.")] = True,
    per_second: Annotated[
        float, typer.Option("--per-second", help="Replays a second at most.", min=0.01, max=500)
    ] = 10.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Send to an endpoint again that was disabled or fails, and replay what it missed meanwhile.

    Doing it again changes nothing, and replays what was left.
    """
    command = _Enable(uid, kind, recover=recover, per_second=per_second, dry_run=dry_run)
    if on_database(command):
        raise typer.Exit(1)


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
        added = await stores.directory.add_endpoint(endpoint)
        if added:  # another server than the one that failed under this name
            await stores.targets.forget(developer_endpoint(endpoint.uid, endpoint.kind))
        return added


@dataclass(frozen=True, slots=True)
class _Enable:
    uid: str
    kind: WebhookKind
    recover: bool
    per_second: float
    dry_run: bool

    async def __call__(self, settings: HandlerSettings) -> int:
        """How many letters could not be replayed."""
        target, now = developer_endpoint(self.uid, self.kind), datetime.now(UTC)
        catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
        async with open_database(settings) as stores:
            if await stores.directory.endpoint(self.uid, self.kind) is None:
                typer.echo(f"{self.uid} has no endpoint for {self.kind}", err=True)
                raise typer.Exit(1)
            before = await stores.targets.health(target)
            health = enabled(before, now) if self.dry_run else await enable(target, stores.targets, now=now)
            typer.echo(f"{'would enable' if self.dry_run else 'enabled'}; it {in_words(before)}")
            if not self.recover:
                return 0
            async with Producer(settings, catalog, TaskRegistry(TASK_TYPES)) as producer:
                return await replay_and_tell(
                    missed(target, health, stores.dead_letters),
                    stores=stores,
                    producer=producer,
                    catalog=catalog,
                    per_second=self.per_second,
                    dry_run=self.dry_run,
                )


async def _list(settings: HandlerSettings, uid: str | None, *, as_json: bool) -> None:
    now = datetime.now(UTC)
    table = Table(box=None, pad_edge=False)
    for name in ("user", "kind", "state", "keys (newest first)"):
        table.add_column(name, no_wrap=True)
    table.add_column("url", overflow="fold")
    async with open_database(settings) as stores:
        async for endpoint in _every(stores.directory, uid):
            health = await stores.targets.health(developer_endpoint(endpoint.uid, endpoint.kind))
            shown = _shown(endpoint, health, now)
            if as_json:
                typer.echo(json.dumps(shown))
            keys = ", ".join(_key_in_words(key) for key in shown["keys"])
            table.add_row(endpoint.uid, endpoint.kind, _state(endpoint, health), keys, endpoint.url)
    if not as_json:
        Console().print(table)
        typer.echo(f"{table.row_count} endpoints")


async def _every(directory: Directory, uid: str | None) -> AsyncIterator[Endpoint]:
    after: Endpoint | None = None
    while page := await directory.endpoints(uid=uid, limit=PAGE, after=after):
        for endpoint in page:
            yield endpoint
        after = page[-1]


def _state(endpoint: Endpoint, health: Health) -> str:
    words = ["paused"] if endpoint.paused else []
    if health.disabled_at or health.failing_since:
        words.append(in_words(health))
    return ", ".join(words) or "active"


def _shown(endpoint: Endpoint, health: Health, now: datetime) -> dict[str, Any]:
    """What may be seen of an endpoint: of its keys the scheme or the secret's name, and the end."""
    return {
        "uid": endpoint.uid,
        "kind": endpoint.kind,
        "url": endpoint.url,
        "paused": endpoint.paused,
        "failing_since": health.failing_since.isoformat() if health.failing_since else None,
        "disabled_at": health.disabled_at.isoformat() if health.disabled_at else None,
        "disabled_for": health.disabled_for or None,
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
