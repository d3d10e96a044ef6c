"""Remembers apps: whose servers are told what, and which users enabled them. The protocol, and its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from contracts import AppTrigger
from stores.endpoint import SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """An app that users can enable, and the server that is told of what happens to them."""

    id: str
    """Letters, digits, `_` and `-`; at most 64."""
    name: str
    """What users call it; at most 100 characters."""
    owner: str
    """The user who made it."""
    url: str
    triggers: frozenset[AppTrigger]
    keys: tuple[SigningKey, ...]
    """The newest first; at most 10."""
    paused: bool = False


class Apps(Protocol):
    """One record for each app, and one for each user and app that the user enabled.

    Raises `StoreUnavailable` where the storage is away.
    """

    async def app(self, app_id: str) -> App | None:
        """The app of this id."""

    async def apps(self, *, limit: int, after: str | None = None) -> tuple[App, ...]:
        """A page of all apps in the order of their ids, from the one after the id `after` on."""

    async def add_app(self, app: App) -> bool:
        """Add the app; False, and nothing is changed, where there is one of its id."""

    async def change_app(self, app_id: str, change: Callable[[App], App]) -> App | None:
        """Replace the app by what `change` makes of it, with no other change in between.

        Args:
            change: a pure function, perhaps called more than once; what it raises is raised here, and then
                nothing is changed.

        Returns:
            The app as it is now; None where there is none.
        """

    async def enable(self, uid: str, app_id: str) -> bool:
        """Let the app be told of this user; False where it is already."""

    async def disable(self, uid: str, app_id: str) -> bool:
        """Tell the app of this user no more; False where it is not told anyway."""

    async def enabled_app(self, uid: str, app_id: str) -> App | None:
        """The app of this id if this user enabled it."""

    async def enabled_apps(self, uid: str, *, limit: int, after: str | None = None) -> tuple[App, ...]:
        """A page of the apps that this user enabled, by their ids, from the one after the id `after` on.

        One that is enabled and does not exist is passed over; an empty page is the last.
        """

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Forget which apps this user enabled; how many there were. With `dry_run` nothing is forgotten."""
