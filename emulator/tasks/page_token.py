"""Says how large a page of a list is, and makes and reads the token of the next one; it lists nothing.

A token is for the call that it continues: its parent and filter must stay the same, as ListQueues documents.
"""

from __future__ import annotations

import base64
import binascii
import json
from hashlib import sha256

from emulator.errors import InvalidArgumentError

LIFETIME = 2 * 3600.0
"""Seconds, as ListQueuesResponse.next_page_token and ListTasksRequest.page_token document."""


def page_size(asked: int, most: int) -> int:
    """At most `most`, which is also what an unset size means. Raises InvalidArgumentError."""
    if asked < 0:
        raise InvalidArgumentError("The page size cannot be negative.")
    return min(asked or most, most)


def page_token(place: str, call: tuple[str, ...], *, now: float) -> str:
    """The token to go on after `place` in the list that `call` names: method, parent and what else counts."""
    fields = [place, now, _digest(place, now, call)]
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()


def read_page_token(token: str, call: tuple[str, ...], *, now: float) -> str:
    """The place that `token` goes on after; "" for the first page. Raises InvalidArgumentError."""
    if not token:
        return ""
    try:
        place, made_at, digest = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError) as exc:
        raise _invalid() from exc
    if digest != _digest(place, made_at, call):
        raise _invalid()
    if now > made_at + LIFETIME:
        raise InvalidArgumentError("The page token has expired after 2 hours: begin again at the first page.")
    return str(place)


def _digest(place: object, made_at: object, call: tuple[str, ...]) -> str:
    return sha256(json.dumps([place, made_at, call]).encode()).hexdigest()[:16]


def _invalid() -> InvalidArgumentError:
    return InvalidArgumentError(
        "The page token is invalid: pass next_page_token as a list call answered it, "
        "with the same parent and filter."
    )
