"""Cuts the answer of a List call into pages; it knows no resource."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.errors import InvalidArgumentError

LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which page is asked for: at most `size` names, in their order, that come after `after`."""

    size: int
    after: str


def cursor(page_size: int, page_token: str) -> Cursor:
    """Raises INVALID_ARGUMENT for a negative size or a token that no List call gave."""
    if page_size < 0:
        raise InvalidArgumentError(
            f"page_size is {page_size}: give 1 to {LARGEST_PAGE}, or 0 for {LARGEST_PAGE}."
        )
    try:
        after = base64.b64decode(page_token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(
            "page_token is no token of this service: give next_page_token as it was."
        ) from exc
    return Cursor(size=min(page_size or LARGEST_PAGE, LARGEST_PAGE), after=after)


def next_token(names: Sequence[str], asked: Cursor) -> str:
    """The token of the page that follows; empty after a page that is not full, which is the last."""
    if len(names) < asked.size:
        return ""
    return base64.urlsafe_b64encode(names[-1].encode()).decode()
