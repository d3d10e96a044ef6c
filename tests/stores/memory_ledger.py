"""A ledger in memory, of the ledger's own rules and nothing else. It never waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from contracts import Position
from stores import Claim, Key, Outcome, Recorded, Row, Start
from stores import ledger as rules


class MemoryLedger:
    """Implements `stores.Ledger`."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = {row.key: row for row in rows}

    async def claim(self, start: Start) -> Claim:
        self.rows[start.key], claim = rules.claim(self.rows.get(start.key), start)
        return claim

    async def release(self, start: Start) -> None:
        if start.key in self.rows:
            self.rows[start.key] = rules.release(self.rows[start.key], start)

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        self.rows[start.key], standing = rules.record(self.rows.get(start.key), start, outcome, body)
        return standing

    async def confirm(self, key: Key, position: Position) -> None:
        if key in self.rows:
            self.rows[key] = rules.confirm(self.rows[key], position)

    async def read(self, key: Key) -> Row | None:
        return self.rows.get(key)

    async def latest(self, type_name: str, identity: str) -> Row | None:
        rows = [row for key, row in self.rows.items() if (key.type, key.identity) == (type_name, identity)]
        return max(rows, key=lambda row: row.key.generation, default=None)

    async def overdue(self, before: datetime, *, limit: int, after: Row | None = None) -> tuple[Row, ...]:
        due = sorted((row.follow_up_due, row.key) for row in self.rows.values() if row.follow_up_due)
        last = (after.follow_up_due, after.key) if after is not None and after.follow_up_due else None
        found = [each for each in due if each[0] < before and (last is None or each > last)]
        return tuple(self.rows[key] for _, key in found[:limit])

    async def sweep(self, now: datetime, *, limit: int) -> int:
        return self._forget([key for key, row in self.rows.items() if row.expires_at <= now][:limit])

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        keys = [key for key, row in self.rows.items() if owner and row.owner == owner]
        return len(keys) if dry_run else self._forget(keys)

    def _forget(self, keys: list[Key]) -> int:
        for key in keys:
            del self.rows[key]
        return len(keys)
