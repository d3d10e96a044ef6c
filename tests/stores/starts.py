"""Starts, as a pipeline would tell the ledger of them, with what a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts import Position
from stores import Key, Start

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Position(attempt=1, park=0)
RETENTION = timedelta(days=33)


def start(
    key: Key,
    position: Position = FIRST,
    *,
    token: str = "t1",
    at: datetime = NOW,
    lease: timedelta | None = None,
    owner: str = "u1",
) -> Start:
    return Start(
        key=key,
        position=position,
        token=token,
        at=at,
        expires_at=at + RETENTION,
        lease=lease,
        owner=owner,
        queue="developer-webhooks",
        target="https://example.com",
    )
