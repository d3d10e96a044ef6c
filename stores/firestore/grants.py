"""What users let us do at third parties, in Firestore: a document for each user and provider."""

from __future__ import annotations

from stores.firestore.collection import Collection, Document, document_id

GRANTS = "sidelane_grants"


class FirestoreGrants:
    """Implements `stores.grants.Grants`."""

    def __init__(self, grants: Collection) -> None:
        self._grants = grants

    async def grant(self, uid: str, provider: str) -> bytes | None:
        found = await self._grants.read(document_id(uid, provider))
        return None if found is None else bytes(found.fields["sealed"])

    async def keep(self, uid: str, provider: str, sealed: bytes) -> None:
        document = Document({"uid": uid, "provider": provider, "sealed": sealed})
        await self._grants.change(document_id(uid, provider), lambda _: (document, None))

    async def remove(self, uid: str, provider: str) -> bool:
        return await self._grants.change(document_id(uid, provider), lambda found: (None, found is not None))

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._grants.erase(self._grants.where(uid=owner), dry_run=dry_run)
