"""Reads the header with which a target asks to be left alone for a while. Pure; waits for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_LONGEST = 10**9


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date (RFC 9110, 10.2.3), as the time from now; anything else counts as not said.

    It is what the target says: clamping it is up to the caller.
    """
    if value is None:
        return None
    digits = value.strip()
    if digits.isascii() and digits.isdigit():
        return timedelta(seconds=int(digits) if len(digits) < 10 else _LONGEST)
    try:
        then = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(then.replace(tzinfo=then.tzinfo or UTC) - now, timedelta(0))
