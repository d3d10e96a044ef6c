"""What a target may say in Retry-After, and what it then means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lanes import retry_after

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 90 ", 90),
        ("9" * 400, 10**9),
        ("9" * 8000, 10**9),
        ("Sun, 01 Nov 2026 12:01:30 GMT", 90),
        ("Sun, 01 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 01 Nov 2026 13:01:30 +0100", 90),
    ],
)
def test_what_is_said(value: str, seconds: float) -> None:
    assert retry_after(value, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value", [None, "", "-5", "1.5", "\u0665", "soon", f"Sun, 01 Nov 2026 {'9' * 20}:00:00 GMT"]
)
def test_what_counts_as_not_said(value: str | None) -> None:
    assert retry_after(value, NOW) is None
