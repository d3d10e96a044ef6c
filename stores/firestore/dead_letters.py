"""The dead letters in Firestore: one document for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore import FieldFilter
from pydantic import TypeAdapter

from contracts import DeadLetter
from stores.dead_letters import Depth, Filter, Kept
from stores.firestore.collection import Collection, Document

NAME = "sidelane_dead_letters"
MAX_DEPTHS = 1000
"""Queues and reasons that are counted; both are closed lists, and far shorter."""

_KEPT = TypeAdapter(Kept)
_GROUP = ("queue", "reason", "died_at")
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


class FirestoreDeadLetters:
    """Implements `stores.dead_letters.DeadLetters`."""

    def __init__(self, letters: Collection) -> None:
        self._letters = letters

    async def add(self, letter: DeadLetter) -> bool:
        def change(found: Document | None) -> tuple[Document, bool]:
            return (_document(Kept(letter)), True) if found is None else (found, False)

        return await self._letters.change(letter.id, change)

    async def get(self, letter_id: str) -> Kept | None:
        found = await self._letters.read(letter_id)
        return None if found is None else _kept(found)

    async def find(self, wanted: Filter, *, limit: int, after: str | None = None) -> tuple[Kept, ...]:
        query = self._letters.where(
            type=wanted.type,
            queue=wanted.queue,
            target=wanted.target,
            owner=wanted.owner,
            reason=wanted.reason,
            replayed=wanted.replayed,
            discarded=wanted.discarded,
        )
        for field, operator, value in (
            ("died_at", ">", wanted.died_after),
            ("died_at", "<", wanted.died_before),
            ("id", ">", after),
        ):
            if value is not None:
                query = query.where(filter=FieldFilter(field, operator, value))
        # Ids are unique: ordering by the moment too changes nothing, and lets one index serve both ranges.
        page = query.order_by("id").order_by("died_at").limit(limit)
        return tuple(_kept(found) for found in await self._letters.find(page))

    async def mark_replayed(self, letter_id: str, *, generation: int, at: datetime) -> None:
        await self._change(letter_id, lambda kept: replace(kept, replayed_at=at, replayed_as=generation))

    async def discard(self, letter_id: str, *, reason: str, at: datetime) -> bool:
        def discarded(kept: Kept) -> Kept:
            first = kept.discarded_at is None
            return replace(kept, discarded_at=at, discard_reason=reason) if first else kept

        return await self._change(letter_id, discarded)

    async def depths(self, *, limit: int) -> tuple[Depth, ...]:
        """Two queries for each queue and reason there is: the letters themselves are counted, not read."""
        is_open = self._letters.where(replayed=False, discarded=False)
        first = is_open.order_by("queue").order_by("reason").order_by("died_at").select(_GROUP).limit(1)
        depths: list[Depth] = []
        page = first
        while len(depths) < MAX_DEPTHS and (found := await self._letters.find(page)):
            queue, reason, oldest = (found[0].fields[name] for name in _GROUP)
            group = self._letters.where(replayed=False, discarded=False, queue=queue, reason=reason)
            if count := await self._letters.count(group.order_by("died_at").limit(limit)):
                depths.append(Depth(queue, reason, count, oldest))
            page = first.start_after({"queue": queue, "reason": reason, "died_at": _LAST_MOMENT})
        return tuple(depths)

    async def sweep(self, closed_before: datetime, *, limit: int) -> int:
        closed = self._letters.where().where(filter=FieldFilter("closed_at", "<", closed_before))
        return await self._letters.remove(closed, limit=limit)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._letters.erase(self._letters.where(owner=owner), dry_run=dry_run) if owner else 0

    async def _change(self, letter_id: str, change: Callable[[Kept], Kept]) -> bool:
        def changed(found: Document | None) -> tuple[Document | None, bool]:
            return (None, False) if found is None else (_document(change(_kept(found))), True)

        return await self._letters.change(letter_id, changed)


def _document(kept: Kept) -> Document:
    letter = kept.letter
    fates = [moment for moment in (kept.replayed_at, kept.discarded_at) if moment is not None]
    fields: dict[str, Any] = {
        "kept": _KEPT.dump_json(_with_body(kept, b"")).decode(),
        "id": letter.id,
        "type": letter.type,
        "queue": letter.queue,
        "target": letter.target,
        "owner": letter.owner,
        "reason": letter.reason,
        "died_at": letter.died_at,
        "replayed": kept.replayed_at is not None,
        "discarded": kept.discarded_at is not None,
    }
    if fates:
        fields["closed_at"] = max(fates)
    return Document(fields, letter.body)


def _kept(found: Document) -> Kept:
    return _with_body(_KEPT.validate_json(found.fields["kept"]), found.body or b"")


def _with_body(kept: Kept, body: bytes) -> Kept:
    return replace(kept, letter=kept.letter.model_copy(update={"body": body}))
