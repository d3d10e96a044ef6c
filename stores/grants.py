"""Remembers what users let us do at third parties, as seals that nobody here can open. The protocol."""

from __future__ import annotations

from typing import Protocol


class Grants(Protocol):
    """One record for each user and provider. Raises `StoreUnavailable` where the storage is away."""

    async def grant(self, uid: str, provider: str) -> bytes | None:
        """What was kept last; None where nothing is."""

    async def keep(self, uid: str, provider: str, sealed: bytes) -> None:
        """Keep this, in the place of what was there."""

    async def remove(self, uid: str, provider: str) -> bool:
        """Forget it; False where there was nothing."""

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Forget all of this user; how many there were. With `dry_run` they stay."""
