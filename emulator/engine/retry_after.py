"""Reads the Retry-After header of an answer (RFC 9110, 10.2.3); what follows from it is not decided here."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,12}")


def seconds_of(value: str | None, *, now: float) -> float | None:
    """Seconds from `now` (since the epoch), 0 for a date that is past, None for no value that is valid."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - now)
