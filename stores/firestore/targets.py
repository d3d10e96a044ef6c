"""What instances share of targets, in Firestore: a document for each queue and target, one for its health."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pydantic import TypeAdapter

from stores.firestore.collection import Collection, Document, document_id
from stores.targets import Health, TargetState, Traffic

TRAFFIC = "sidelane_traffic"
HEALTH = "sidelane_health"

_TRAFFIC = TypeAdapter(Traffic)
_HEALTH = TypeAdapter(Health)


class FirestoreTargetStates:
    """Implements `stores.targets.TargetStates`."""

    def __init__(self, traffic: Collection, health: Collection) -> None:
        self._traffic = traffic
        self._health = health

    async def read(self, queue: str, target: str) -> TargetState:
        traffic, health = await asyncio.gather(
            self._traffic.read(document_id(queue, target)), self.health(target)
        )
        return TargetState(traffic=_traffic(traffic), health=health)

    async def change_traffic(self, queue: str, target: str, change: Callable[[Traffic], Traffic]) -> Traffic:
        def changed(found: Document | None) -> tuple[Document | None, Traffic]:
            old = _traffic(found)
            new = change(old)
            if new == old:
                return found, old
            text = _TRAFFIC.dump_json(new).decode()
            return Document({"target": document_id(target), "traffic": text}), new

        return await self._traffic.change(document_id(queue, target), changed)

    async def health(self, target: str) -> Health:
        return _health_of(await self._health.read(document_id(target)))

    async def change_health(self, target: str, change: Callable[[Health], Health]) -> Health:
        def changed(found: Document | None) -> tuple[Document | None, Health]:
            old = _health_of(found)
            new = change(old)
            if new == old:
                return found, old
            return Document({"health": _HEALTH.dump_json(new).decode()}), new

        return await self._health.change(document_id(target), changed)

    async def forget(self, target: str) -> None:
        await self._traffic.remove(self._traffic.where(target=document_id(target)))
        await self._health.change(document_id(target), lambda _: (None, None))


def _traffic(found: Document | None) -> Traffic:
    return Traffic() if found is None else _TRAFFIC.validate_json(found.fields["traffic"])


def _health_of(found: Document | None) -> Health:
    return Health() if found is None else _HEALTH.validate_json(found.fields["health"])
