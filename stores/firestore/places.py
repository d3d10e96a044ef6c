"""Where conversations were, and what the geocoding service said, in Firestore: a document for each."""

from __future__ import annotations

from datetime import datetime

from pydantic import TypeAdapter

from stores.firestore.collection import Collection, Document, document_id
from stores.places import CACHED_FOR, Address, Place, Recalled, attached

PLACES = "sidelane_places"
CELLS = "sidelane_geocoded"

_PLACE = TypeAdapter(Place)
_ADDRESS = TypeAdapter(Address | None)


class FirestorePlaces:
    """Implements `stores.places.Places`."""

    def __init__(self, places: Collection, cells: Collection) -> None:
        self._places = places
        self._cells = cells

    async def recall(self, cell: str, *, now: datetime) -> Recalled | None:
        found = await self._cells.read(document_id(cell))
        # Firestore removes what has expired within a day, not at once.
        if found is None or found.fields["expires_at"] <= now:
            return None
        return Recalled(_ADDRESS.validate_json(found.fields["address"]))

    async def remember(self, cell: str, address: Address | None, *, now: datetime) -> None:
        document = Document({"address": _ADDRESS.dump_json(address).decode(), "expires_at": now + CACHED_FOR})
        await self._cells.change(document_id(cell), lambda _: (document, None))

    async def attach(self, place: Place) -> Place:
        def change(found: Document | None) -> tuple[Document, Place]:
            standing = attached(_place(found), place)
            return Document({"uid": place.uid, "place": _PLACE.dump_json(standing).decode()}), standing

        return await self._places.change(document_id(place.uid, place.conversation_id), change)

    async def place(self, uid: str, conversation_id: str) -> Place | None:
        return _place(await self._places.read(document_id(uid, conversation_id)))

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._places.erase(self._places.where(uid=owner), dry_run=dry_run)


def _place(found: Document | None) -> Place | None:
    return None if found is None else _PLACE.validate_json(found.fields["place"])
