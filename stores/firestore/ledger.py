"""The ledger in Firestore: one document for one task generation, changed by the ledger's rules alone."""

from __future__ import annotations

from pydantic import TypeAdapter

from contracts import Position
from stores import ledger as rules
from stores.firestore.collection import Collection, Document, document_id
from stores.ledger import Claim, Key, Outcome, Row

NAME = "sidelane_ledger"

_ROW = TypeAdapter(Row)


class FirestoreLedger:
    """Implements `stores.ledger.Ledger`."""

    def __init__(self, rows: Collection) -> None:
        self._rows = rows

    async def claim(self, key: Key, position: Position) -> Claim:
        def change(found: Document | None) -> tuple[Document, Claim]:
            row, claim = rules.claim(_row(found), key, position)
            return _document(row), claim

        return await self._rows.change(_id(key), change)

    async def release(self, key: Key) -> None:
        def change(found: Document | None) -> tuple[Document | None, None]:
            row = _row(found)
            return (None if row is None else _document(rules.release(row))), None

        await self._rows.change(_id(key), change)

    async def record(self, key: Key, position: Position, outcome: Outcome) -> Outcome | None:
        def change(found: Document | None) -> tuple[Document, Outcome | None]:
            row, standing = rules.record(_row(found), key, position, outcome)
            return _document(row), standing

        return await self._rows.change(_id(key), change)

    async def read(self, key: Key) -> Row | None:
        return _row(await self._rows.read(_id(key)))

    async def latest(self, type_name: str, identity: str) -> Row | None:
        generations = self._rows.where(task=document_id(type_name, identity))
        found = await self._rows.find(
            generations.order_by("generation", direction=generations.DESCENDING).limit(1)
        )
        return _row(found[0]) if found else None


def _id(key: Key) -> str:
    return document_id(key.type, key.identity, key.generation)


def _row(found: Document | None) -> Row | None:
    return None if found is None else _ROW.validate_json(found.fields["row"])


def _document(row: Row) -> Document:
    return Document(
        {
            "row": _ROW.dump_json(row).decode(),
            "task": document_id(row.key.type, row.key.identity),
            "generation": row.key.generation,
        }
    )
