"""Keys and addresses of registered servers, as commands take and show them; keeps and signs nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

import httpx
import typer

from handlers.endpoint_view import ShownKey
from handlers.secrets import names_secret
from handlers.signing import Scheme, new_secret, public_key, scheme_of
from lanes import EgressRefused, LanesSettings, check_url
from stores import OVERLAP

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
OverlapHours = Annotated[
    float, typer.Option(help="How long the old keys still sign; 0 where one was stolen.", min=0, max=720)
]
OVERLAP_HOURS = OVERLAP / timedelta(hours=1)


def check_address(url: str) -> None:
    """Raises typer.BadParameter where no request may go there."""
    try:
        check_url(httpx.URL(url), LanesSettings().egress())
    except (httpx.InvalidURL, EgressRefused) as error:
        raise typer.BadParameter(f"url: {error}") from error


def made_key(scheme: Scheme, name: str | None) -> str:
    """What is kept: a new key, or the name of the one that is in Secret Manager."""
    if name is None:
        return new_secret(scheme, secrets.token_bytes)
    if not names_secret(name):
        raise typer.BadParameter("secret: write projects/P/secrets/S/versions/V")
    return name


def show_key(secret: str) -> None:
    """Of a v1a key its owner needs the public half alone: the secret one never leaves the store."""
    if names_secret(secret):
        typer.echo(f"signed by {secret}")
        return
    typer.echo(secret if scheme_of(secret) is Scheme.V1 else public_key(secret))


def keys_in_words(keys: Iterable[ShownKey]) -> str:
    return ", ".join(
        f"{key['scheme']} until {key['not_after']:.16}" if key["not_after"] else f"{key['scheme']}"
        for key in keys
    )
