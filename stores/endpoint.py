"""Where one user's events of one kind go, and the keys that sign them. Values; stores and signs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from contracts import WebhookKind
from stores.errors import TooManyKeys

MAX_KEYS = 10
"""Signing keys of an endpoint: each adds a signature to every request."""
OVERLAP = timedelta(hours=24)
"""How long an old key signs beside its successor, unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key of an endpoint, of Standard Webhooks 1.0."""

    secret: str = field(repr=False)
    """The name of the secret that holds it (`projects/P/secrets/S/versions/V`); or itself:
    `whsec_` and 24 to 64 bytes in base64 (v1), or `whsk_` and an ed25519 key in base64 (v1a)."""
    not_after: datetime | None = None
    """Aware; from then on the key signs no more. None: it signs until it is replaced."""

    def signs_at(self, now: datetime) -> bool:
        return self.not_after is None or now < self.not_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that a user registered for one kind of event."""

    uid: str
    kind: WebhookKind
    url: str
    keys: tuple[SigningKey, ...]
    """The newest first; at most 10."""
    paused: bool = False


def rotated(endpoint: Endpoint, new_secret: str, *, now: datetime, overlap: timedelta = OVERLAP) -> Endpoint:
    """The endpoint with a new key; see `rotated_keys`."""
    return replace(endpoint, keys=rotated_keys(endpoint.keys, new_secret, now=now, overlap=overlap))


def rotated_keys(
    keys: Iterable[SigningKey], new_secret: str, *, now: datetime, overlap: timedelta = OVERLAP
) -> tuple[SigningKey, ...]:
    """A new key and the old ones, which sign for `overlap` at most and then no more.

    Keys that have expired leave. With no overlap (a key that was stolen) all old ones do.

    Raises:
        TooManyKeys: more than 10 keys would sign.
    """
    until = now + overlap
    old = (
        replace(key, not_after=until if key.not_after is None else min(key.not_after, until))
        for key in keys
        if key.secret != new_secret
    )
    signing = (SigningKey(secret=new_secret), *(key for key in old if key.signs_at(now)))
    if len(signing) > MAX_KEYS:
        raise TooManyKeys(
            f"keys: {len(signing)} would sign for this endpoint, at most {MAX_KEYS} may; wait until some "
            "have expired, or rotate with an overlap of 0"
        )
    return signing
