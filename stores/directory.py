"""Remembers where side effects go: whose endpoints there are, and their keys. The protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from contracts import WebhookKind
from stores.endpoint import Endpoint


class Directory(Protocol):
    """Raises `StoreUnavailable` where the storage is away."""

    async def endpoint(self, uid: str, kind: WebhookKind) -> Endpoint | None:
        """The endpoint of this user for this kind; None where the user wants no such webhook."""

    async def endpoints(
        self, *, uid: str | None = None, limit: int, after: Endpoint | None = None
    ) -> tuple[Endpoint, ...]:
        """A page of all endpoints, or of one user's, by user and kind; the next one starts after its last."""

    async def add_endpoint(self, endpoint: Endpoint) -> bool:
        """Add the endpoint; False, and nothing is changed, where the user has one of this kind."""

    async def put_endpoint(self, endpoint: Endpoint) -> None:
        """Add the endpoint, or replace the one of the same user and kind."""

    async def change_endpoint(
        self, uid: str, kind: WebhookKind, change: Callable[[Endpoint], Endpoint]
    ) -> Endpoint | None:
        """Replace the endpoint by what `change` makes of it, with no other change in between.

        Args:
            change: a pure function, perhaps called more than once; what it raises is raised here, and then
                nothing is changed.

        Returns:
            The endpoint as it is now; None where there is none.
        """

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Forget every endpoint of this user; how many there were. With `dry_run` they stay."""
