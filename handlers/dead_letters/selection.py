"""Finds dead letters page by page, or by name; changes none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from handlers.errors import NoSuchLetter
from stores import DeadLetters, Filter, Kept

PAGE = 200


async def select(letters: DeadLetters, wanted: Filter, *, after: str | None = None) -> AsyncIterator[Kept]:
    """Every letter that is wanted, in the order of ids, from the one after the id `after` on.

    What changes meanwhile may or may not be seen.
    """
    while page := await letters.find(wanted, limit=PAGE, after=after):
        for kept in page:
            yield kept
        after = page[-1].letter.id


async def named(letters: DeadLetters, ids: Iterable[str]) -> AsyncIterator[Kept]:
    """The letters of these ids, in this order. Raises `NoSuchLetter`."""
    for letter_id in ids:
        yield await letter(letters, letter_id)


async def letter(letters: DeadLetters, letter_id: str) -> Kept:
    """The letter of this id. Raises `NoSuchLetter`."""
    kept = await letters.get(letter_id)
    if kept is None:
        raise NoSuchLetter(f"there is no dead letter {letter_id}; `sidelane dead list` shows them")
    return kept
