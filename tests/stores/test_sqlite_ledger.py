"""What the ledger in SQLite does by itself: it forgets rows that have expired, a batch at a time."""

from __future__ import annotations

from datetime import timedelta

from stores import Key
from stores.sqlite import SqliteStores
from tests.stores.starts import NOW, RETENTION, start


async def test_expired_rows_are_swept_in_batches(sqlite_stores: SqliteStores) -> None:
    ledger = sqlite_stores.ledger
    for number in range(5):
        await ledger.claim(start(Key("note", f"old-{number}", 0)))
    fresh = Key("note", "fresh", 0)
    await ledger.claim(start(fresh, at=NOW + timedelta(seconds=1)))
    assert await ledger.sweep(NOW + RETENTION - timedelta(seconds=1), limit=10) == 0
    assert await ledger.sweep(NOW + RETENTION, limit=3) == 3
    assert await ledger.sweep(NOW + RETENTION, limit=3) == 2
    assert await ledger.sweep(NOW + RETENTION, limit=3) == 0
    assert await ledger.read(fresh) is not None
