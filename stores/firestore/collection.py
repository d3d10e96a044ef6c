"""One collection of Firestore: documents read, found, and changed by compare-and-set. Knows no store's rules.

A change reads the document, and writes it on the condition that nobody has written it meanwhile. No lock
is held in between, so a process that dies there holds nobody up. What one change writes is one commit.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from google.api_core import exceptions
from google.cloud.firestore import (
    DELETE_FIELD,
    AsyncClient,
    AsyncDocumentReference,
    AsyncQuery,
    AsyncWriteBatch,
    DocumentSnapshot,
    FieldFilter,
)
from google.cloud.firestore_v1.async_aggregation import AsyncAggregationQuery

from stores.firestore.connection import Connection, Contended

T = TypeVar("T")

PART_BYTES = 500_000
"""So much of a body is in its document, whose limit is 1 MiB in all; the rest is in parts beside it."""
PARTS = "sidelane_parts"
MAX_REMOVED = 100
"""Documents of one commit that removes."""


@dataclass(frozen=True, slots=True)
class Document:
    fields: Mapping[str, Any]
    """What Firestore can store; moments are aware. `expires_at` is when Firestore may remove it by itself."""
    body: bytes | None = field(default=None, repr=False)
    """Of any length up to 9 MB; never indexed."""


Change = Callable[[Document | None], tuple[Document | None, T]]
"""From a document to what it shall be (None: removed), and what the change returns."""


class Collection:
    """Every method raises `StoreUnavailable` where it could not do its work whole."""

    def __init__(self, client: AsyncClient, connection: Connection, name: str) -> None:
        self._client = client
        self._connection = connection
        self._documents = client.collection(name)
        self._name = name

    def where(self, **equal: object) -> AsyncQuery:
        """The documents with these values, to be narrowed further; a value that is None means all.

        Every shape of query needs its index in indexes.json.
        """
        query = AsyncQuery(self._documents)
        for name, value in equal.items():
            if value is not None:
                query = query.where(filter=FieldFilter(name, "==", value))
        return query

    async def read(self, document_id: str) -> Document | None:
        reference = self._documents.document(document_id)

        async def attempt(timeout: float) -> Document | None:
            _, document = await self._read(reference, timeout)
            return document

        return await self._connection.call(f"read {self._name}", attempt)

    async def change(self, document_id: str, change: Change[T]) -> T:
        """Replace the document by what `change` makes of it, with no other change in between.

        `change` is pure and perhaps called more than once; what it raises is raised here, and then nothing is
        changed. A document that it leaves as it is, is not written.
        """
        reference = self._documents.document(document_id)
        writer = secrets.token_hex(8)
        committed: list[T] = []

        async def attempt(timeout: float) -> T:
            snapshot, old = await self._read(reference, timeout)
            if committed and snapshot.exists and snapshot.get("writer") == writer:
                return committed[0]  # it was written, and the answer to that was lost
            new, result = change(old)
            if new == old:
                return result
            batch = self._client.batch()
            _drop_parts(batch, snapshot)
            if new is None:
                batch.delete(reference, option=self._unchanged(snapshot))
            else:
                self._put(batch, reference, snapshot, new, writer)
            committed[:] = [result]
            await self._commit(batch, timeout)
            return result

        return await self._connection.call(f"change {self._name}", attempt)

    async def find(self, query: AsyncQuery) -> Sequence[Document]:
        """The documents of a query; of one with a projection, what that leaves of them."""

        async def attempt(timeout: float) -> Sequence[Document]:
            found = await query.get(retry=None, timeout=timeout)
            documents = [await self._whole(snapshot, timeout) for snapshot in found]
            return [document for document in documents if document is not None]

        return await self._connection.call(f"query {self._name}", attempt, is_query=True)

    async def remove(self, query: AsyncQuery, *, limit: int | None = None) -> int:
        """Remove the documents of a query, at most `limit`; how many there were."""
        removed = 0
        while limit is None or removed < limit:
            most = MAX_REMOVED if limit is None else min(MAX_REMOVED, limit - removed)
            page = query.select(["writer", "parts"]).limit(most)

            async def attempt(timeout: float, page: AsyncQuery = page) -> int:
                found = await page.get(retry=None, timeout=timeout)
                batch = self._client.batch()
                for snapshot in found:
                    _drop_parts(batch, snapshot)
                    batch.delete(snapshot.reference, option=self._unchanged(snapshot))
                if found:
                    await self._commit(batch, timeout)
                return len(found)

            count = await self._connection.call(f"remove from {self._name}", attempt, is_query=True)
            removed += count
            if count < most:
                break
        return removed

    async def erase(self, query: AsyncQuery, *, dry_run: bool) -> int:
        """Remove the documents of a query; how many there were. With `dry_run` they stay."""
        return await self.count(query) if dry_run else await self.remove(query)

    async def count(self, query: AsyncQuery) -> int:
        """How many documents a query finds; a thousand of them cost what one costs that is read."""
        counting = cast(AsyncAggregationQuery, query.count())  # it is declared as the class itself

        async def attempt(timeout: float) -> int:
            counted = await counting.get(retry=None, timeout=timeout)
            return int(counted[0][0].value)

        return await self._connection.call(f"count {self._name}", attempt, is_query=True)

    async def _read(
        self, reference: AsyncDocumentReference, timeout: float
    ) -> tuple[DocumentSnapshot[AsyncDocumentReference], Document | None]:
        snapshot = await reference.get(retry=None, timeout=timeout)
        return snapshot, await self._whole(snapshot, timeout)

    async def _whole(
        self, snapshot: DocumentSnapshot[AsyncDocumentReference], timeout: float
    ) -> Document | None:
        values = snapshot.to_dict()
        if values is None:
            return None
        fields = {name: value for name, value in values.items() if name not in ("body", "parts", "writer")}
        body = values.get("body")
        for reference in _parts(snapshot):
            part = await reference.get(retry=None, timeout=timeout)
            if not part.exists:
                raise Contended(f"{self._name}/{snapshot.id} was written while it was read")
            body += part.get("body")
        return Document(fields, body)

    def _put(
        self,
        batch: AsyncWriteBatch,
        reference: AsyncDocumentReference,
        snapshot: DocumentSnapshot[AsyncDocumentReference],
        new: Document,
        writer: str,
    ) -> None:
        body = new.body
        rest = () if body is None else tuple(_cut(body[PART_BYTES:]))
        values = {
            **new.fields,
            "body": None if body is None else body[:PART_BYTES],
            "parts": len(rest),
            "writer": writer,
        }
        if snapshot.exists:
            gone = {name: DELETE_FIELD for name in snapshot.to_dict() or {} if name not in values}
            batch.update(reference, {**values, **gone}, option=self._unchanged(snapshot))
        else:
            batch.create(reference, values)
        for number, part in enumerate(rest):
            batch.set(
                _part(reference, writer, number), {"body": part, "expires_at": new.fields.get("expires_at")}
            )

    async def _commit(self, batch: AsyncWriteBatch, timeout: float) -> None:
        try:
            await batch.commit(retry=None, timeout=timeout)
        except (exceptions.FailedPrecondition, exceptions.AlreadyExists, exceptions.NotFound) as error:
            raise Contended(f"{self._name}: a document was written meanwhile") from error

    def _unchanged(self, snapshot: DocumentSnapshot[AsyncDocumentReference]) -> Any:
        return self._client.write_option(last_update_time=snapshot.update_time)


def document_id(*parts: str | int) -> str:
    """What a document is called: a hash, since an id holds no slash and 1,500 bytes at most."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _drop_parts(batch: AsyncWriteBatch, snapshot: DocumentSnapshot[AsyncDocumentReference]) -> None:
    for reference in _parts(snapshot):
        batch.delete(reference)


def _parts(snapshot: DocumentSnapshot[AsyncDocumentReference]) -> Iterator[AsyncDocumentReference]:
    """Where the rest of a document's body is; named by who wrote it, so that no two writings are mixed."""
    values = snapshot.to_dict() or {}
    for number in range(values.get("parts", 0)):
        yield _part(snapshot.reference, values["writer"], number)


def _part(reference: AsyncDocumentReference, writer: str, number: int) -> AsyncDocumentReference:
    part: AsyncDocumentReference = reference.collection(PARTS).document(f"{writer}-{number}")
    return part


def _cut(rest: bytes) -> Iterator[bytes]:
    for start in range(0, len(rest), PART_BYTES):
        yield rest[start : start + PART_BYTES]
