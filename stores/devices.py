"""Remembers which devices a user has, and the tokens that reach them. The protocol; it sends nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Platform = Literal["android", "ios", "web"]

MAX_DEVICES = 20
"""Of one user; each gets every notification, so a list that only grows would multiply all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An installation of the app, as FCM knows it."""

    uid: str
    token: str = field(repr=False)
    """FCM's registration token: who holds it can push to the device, so only the store does."""
    platform: Platform
    added_at: datetime
    """Aware; when the app last told its token."""

    @property
    def digest(self) -> str:
        """Of the token, 64 hex digits: the same wherever the token is told."""
        return hashlib.sha256(self.token.encode()).hexdigest()

    @property
    def id(self) -> str:
        """What tasks, logs and commands call the device: 16 hex digits that tell nothing of the token."""
        return self.digest[:16]


class Devices(Protocol):
    """One record for each token, found by its digest or by its user.

    Raises `StoreUnavailable` where the storage is away.
    """

    async def add(self, device: Device) -> None:
        """Remember the device, or that it was told anew.

        A token that was another user's is so no more: whoever signed in last on a device has it. Of more than
        `MAX_DEVICES` of one user, those told longest ago leave.
        """

    async def of(self, uid: str) -> tuple[Device, ...]:
        """Every device of this user, the newest first, those of one moment by their digests."""

    async def remove(self, uid: str, device_id: str) -> bool:
        """Forget the device of this id if it is this user's; whether it was."""

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Forget every device of this user; how many there were. With `dry_run` they stay."""
