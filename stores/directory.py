"""Remembers where a side effect goes: whose endpoints there are, and their keys. The protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from contracts import WebhookKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server that a user registered for one kind of event."""

    uid: str
    kind: WebhookKind
    url: str
    secret: str = field(repr=False)
    """Signing key: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks 1.0)."""
    paused: bool = False


class Directory(Protocol):
    """Raises `StoreUnavailable` where the storage is away."""

    async def endpoint(self, uid: str, kind: WebhookKind) -> Endpoint | None:
        """The endpoint of this user for this kind; None where the user wants no such webhook."""

    async def put_endpoint(self, endpoint: Endpoint) -> None:
        """Add the endpoint, or replace the one of the same user and kind."""
