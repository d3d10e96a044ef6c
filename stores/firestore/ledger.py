"""The ledger in Firestore: one document for one task generation, changed by the ledger's rules alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from google.cloud.firestore import AsyncQuery, FieldFilter
from pydantic import TypeAdapter

from contracts import Position
from stores import ledger as rules
from stores.firestore.collection import Collection, Document, document_id
from stores.ledger import Claim, Key, Recorded, Row, Start
from stores.outcome import Outcome

NAME = "sidelane_ledger"

_ROW = TypeAdapter(Row)


class FirestoreLedger:
    """Implements `stores.ledger.Ledger`."""

    def __init__(self, rows: Collection) -> None:
        self._rows = rows

    async def claim(self, start: Start) -> Claim:
        def change(found: Document | None) -> tuple[Document | None, Claim]:
            row, claim = rules.claim(_row(found), start)
            return _document(row), claim

        return await self._rows.change(_id(start.key), change)

    async def release(self, start: Start) -> None:
        await self._change(start.key, lambda row: rules.release(row, start))

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        def change(found: Document | None) -> tuple[Document | None, Recorded]:
            row, standing = rules.record(_row(found), start, outcome, body)
            return _document(row), standing

        return await self._rows.change(_id(start.key), change)

    async def confirm(self, key: Key, position: Position) -> None:
        await self._change(key, lambda row: rules.confirm(row, position))

    async def read(self, key: Key) -> Row | None:
        return _row(await self._rows.read(_id(key)))

    async def latest(self, type_name: str, identity: str) -> Row | None:
        generations = self._rows.where(task=document_id(type_name, identity))
        newest = generations.order_by("generation", direction=AsyncQuery.DESCENDING).limit(1)
        found = await self._rows.find(newest)
        return _row(found[0]) if found else None

    async def overdue(self, before: datetime, *, limit: int, after: Row | None = None) -> tuple[Row, ...]:
        due = self._rows.where().where(filter=FieldFilter("follow_up_due", "<", before))
        page = due.order_by("follow_up_due").order_by("__name__").limit(limit)
        if after is not None:
            page = page.start_after({"follow_up_due": after.follow_up_due, "__name__": _id(after.key)})
        return tuple(_known(found) for found in await self._rows.find(page))

    async def sweep(self, now: datetime, *, limit: int) -> int:  # noqa: ARG002  (the protocol's)
        """Firestore removes rows by itself, once their `expires_at` has passed."""
        return 0

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._rows.erase(self._rows.where(owner=owner), dry_run=dry_run) if owner else 0

    async def _change(self, key: Key, rule: Callable[[Row], Row]) -> None:
        def change(found: Document | None) -> tuple[Document | None, None]:
            return (None if found is None else _document(rule(_known(found)))), None

        await self._rows.change(_id(key), change)


def _id(key: Key) -> str:
    return document_id(key.type, key.identity, key.generation)


def _row(found: Document | None) -> Row | None:
    return None if found is None else _known(found)


def _known(found: Document) -> Row:
    return replace(_ROW.validate_json(found.fields["row"]), body=found.body)


def _document(row: Row) -> Document:
    fields: dict[str, Any] = {
        "row": _ROW.dump_json(replace(row, body=None)).decode(),
        "task": document_id(row.key.type, row.key.identity),
        "generation": row.key.generation,
        "owner": row.owner,
        "expires_at": row.expires_at,
    }
    if row.follow_up_due is not None:
        fields["follow_up_due"] = row.follow_up_due
    return Document(fields, row.body)
