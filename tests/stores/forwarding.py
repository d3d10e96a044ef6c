"""A ledger that hands each call on to another: what tests derive from to change a single call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from contracts import Position
from stores import Claim, Key, Ledger, Outcome, Recorded, Row, Start


class ForwardingLedger:
    def __init__(self, inner: Ledger) -> None:
        self.inner = inner

    async def claim(self, start: Start) -> Claim:
        return await self.inner.claim(start)

    async def release(self, start: Start) -> None:
        await self.inner.release(start)

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        return await self.inner.record(start, outcome, body)

    async def confirm(self, key: Key, position: Position) -> None:
        await self.inner.confirm(key, position)

    async def read(self, key: Key) -> Row | None:
        return await self.inner.read(key)

    async def latest(self, type_name: str, identity: str) -> Row | None:
        return await self.inner.latest(type_name, identity)

    async def overdue(self, before: datetime, *, limit: int, after: Row | None = None) -> Sequence[Row]:
        return await self.inner.overdue(before, limit=limit, after=after)

    async def sweep(self, now: datetime, *, limit: int) -> int:
        return await self.inner.sweep(now, limit=limit)

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self.inner.erase(owner, dry_run=dry_run)
