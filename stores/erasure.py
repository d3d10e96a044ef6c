"""Erases everything that is remembered of one user, in every store. Looks into no queue.

What still waits in a queue carries its data until it is dispatched: then it finds no endpoint, app or device
and is skipped, or finds its payload gone and becomes a dead letter without content. Erase again when the
queues have drained (the longest age limit) and nothing is left of those either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, get_args

from contracts import WebhookKind, developer_endpoint
from stores.blobs import Blobs
from stores.directory import Directory
from stores.errors import NobodyToErase
from stores.stores import Stores
from stores.targets import TargetStates


class Erasable(Protocol):
    """What a store offers of it."""

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Remove what there is of this user; how many there were. With `dry_run` they stay."""


class Erasure:
    """May be asked again at any time: what is gone already counts 0."""

    def __init__(self, stores: Stores, blobs: Blobs) -> None:
        # What makes new data goes first, so that a task that runs meanwhile finds nowhere to go.
        self._kinds: Mapping[str, Erasable] = {
            "endpoints": _Endpoints(stores.directory, stores.targets),
            "apps": stores.apps,
            "grants": stores.grants,
            "devices": stores.devices,
            "places": stores.places,
            "speech results": stores.speech,
            "dead letters": stores.dead_letters,
            "blobs": blobs,
            "ledger": stores.ledger,
        }

    async def __call__(self, uid: str, *, dry_run: bool = False) -> Mapping[str, int]:
        """How much was erased of each kind, or with `dry_run` would be.

        Raises:
            NobodyToErase: `uid` is empty, which stands for data of nobody.
            StoreUnavailable: a store is away; what came before it is erased, ask again.
        """
        if not uid:
            raise NobodyToErase("uid: is empty, and would mean what belongs to nobody; name the user")
        return {name: await store.erase(uid, dry_run=dry_run) for name, store in self._kinds.items()}


class _Endpoints:
    """Endpoints, and what is known of the targets that they are, or were: their names hold the user's."""

    def __init__(self, directory: Directory, targets: TargetStates) -> None:
        self._directory = directory
        self._targets = targets

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        erased = await self._directory.erase(owner, dry_run=dry_run)
        if not dry_run:  # of every kind: a task that ran after its endpoint was gone has left something too
            for kind in get_args(WebhookKind):
                await self._targets.forget(developer_endpoint(owner, kind))
        return erased
