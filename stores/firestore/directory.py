"""The directory in Firestore: one document for one endpoint."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import TypeAdapter

from contracts import WebhookKind
from stores.endpoint import Endpoint
from stores.firestore.collection import Collection, Document, document_id

NAME = "sidelane_endpoints"

_ENDPOINT = TypeAdapter(Endpoint)


class FirestoreDirectory:
    """Implements `stores.directory.Directory`."""

    def __init__(self, endpoints: Collection) -> None:
        self._endpoints = endpoints

    async def endpoint(self, uid: str, kind: WebhookKind) -> Endpoint | None:
        return _endpoint(await self._endpoints.read(document_id(uid, kind)))

    async def endpoints(
        self, *, uid: str | None = None, limit: int, after: Endpoint | None = None
    ) -> tuple[Endpoint, ...]:
        page = self._endpoints.where(uid=uid).order_by("uid").order_by("kind").limit(limit)
        if after is not None:
            page = page.start_after({"uid": after.uid, "kind": after.kind})
        return tuple(_known(found) for found in await self._endpoints.find(page))

    async def add_endpoint(self, endpoint: Endpoint) -> bool:
        def change(found: Document | None) -> tuple[Document, bool]:
            return (_document(endpoint), True) if found is None else (found, False)

        return await self._endpoints.change(document_id(endpoint.uid, endpoint.kind), change)

    async def put_endpoint(self, endpoint: Endpoint) -> None:
        await self._endpoints.change(
            document_id(endpoint.uid, endpoint.kind), lambda _: (_document(endpoint), None)
        )

    async def change_endpoint(
        self, uid: str, kind: WebhookKind, change: Callable[[Endpoint], Endpoint]
    ) -> Endpoint | None:
        def changed(found: Document | None) -> tuple[Document | None, Endpoint | None]:
            if found is None:
                return None, None
            endpoint = change(_known(found))
            return _document(endpoint), endpoint

        return await self._endpoints.change(document_id(uid, kind), changed)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._endpoints.erase(self._endpoints.where(uid=owner), dry_run=dry_run)


def _endpoint(found: Document | None) -> Endpoint | None:
    return None if found is None else _known(found)


def _known(found: Document) -> Endpoint:
    return _ENDPOINT.validate_json(found.fields["endpoint"])


def _document(endpoint: Endpoint) -> Document:
    return Document(
        {"uid": endpoint.uid, "kind": endpoint.kind, "endpoint": _ENDPOINT.dump_json(endpoint).decode()}
    )
