"""Keeps the blobs of all open dead letters on, then removes those of a folder that nothing needs any more.

Decides on no letter. In a bucket the lifecycle rule removes blobs: there this keeps on alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts import Catalog
from handlers.dead_letters.payloads import LetterPayloads
from handlers.dead_letters.selection import select
from stores import Blobs, DeadLetters, Filter, Kept
from stores.local import LocalBlobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    open_letters: int
    """Those whose blobs were kept on."""
    removed: int | None
    """Blobs; None where the bucket's lifecycle rule removes them, or not every letter was looked at."""
    complete: bool


async def sweep(
    letters: DeadLetters,
    blobs: Blobs,
    catalog: Catalog,
    *,
    clock: Callable[[], datetime],
    random: Callable[[], float],
    within: timedelta = timedelta.max,
) -> Swept:
    """Keep on for another `dead_letter_retention` from now, and remove.

    It begins at any letter and goes around: runs that end before they are `complete`, because `within` is
    over, come to every letter all the same, as there are many in a retention.

    Raises:
        StoreUnavailable: the letters or the blobs are away; nothing was removed.
    """
    began, count = clock(), 0
    payloads = LetterPayloads(blobs, catalog)
    async for kept in _around(letters, f"{int(random() * 2**64):016x}"):
        if clock() - began >= within:
            return Swept(open_letters=count, removed=None, complete=False)
        await payloads.keep(kept.letter, since=began)
        count += 1
    removed = await blobs.sweep(began) if isinstance(blobs, LocalBlobs) else None
    return Swept(open_letters=count, removed=removed, complete=True)


async def _around(letters: DeadLetters, start: str) -> AsyncIterator[Kept]:
    """Every open letter; ids are digests, so any text of their form is somewhere among them."""
    wanted = Filter.open()
    async for kept in select(letters, wanted, after=start):
        yield kept
    async for kept in select(letters, wanted):
        if kept.letter.id > start:
            return
        yield kept
