"""Keeps the payload that a dead letter refers to, as long as the letter may be replayed. Stores no letter."""

from __future__ import annotations

import logging
from datetime import datetime

from contracts import BlobReference, Catalog, DeadLetter, Envelope, Undecodable
from stores import BlobMissing, Blobs

_log = logging.getLogger(__name__)


class LetterPayloads:
    """Moves the end of a blob on, instead of copying it: a blob is named by its content and never changes."""

    def __init__(self, blobs: Blobs, catalog: Catalog) -> None:
        self._blobs = blobs
        self._catalog = catalog

    async def keep(self, letter: DeadLetter, *, since: datetime | None = None) -> None:
        """Keep the letter's blob for its queue's `dead_letter_retention`, from its death or from `since`.

        A blob that is gone is told in the log: the letter is kept all the same. Raises `StoreUnavailable`.
        """
        reference = referred(letter)
        if reference is None:
            return
        queue = self._catalog.carrying(letter.queue)  # which may have left the catalog since
        retention = max(each.dead_letter_retention for each in ([queue] if queue else self._catalog))
        try:
            await self._blobs.keep(reference, until=(since or letter.died_at) + retention)
        except BlobMissing as error:
            _log.warning("dead letter %s cannot be replayed: %s", letter.id, error)


def referred(letter: DeadLetter) -> BlobReference | None:
    """The blob that holds the letter's payload; None where the letter holds it itself, or cannot be read."""
    try:
        return BlobReference.read(Envelope.decode(letter.body).payload)
    except Undecodable:
        return None
