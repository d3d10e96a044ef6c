"""What the ledger in SQLite does by itself: it forgets rows that have expired, a batch at a time, and spares
itself reading a row that it knows, which must make no difference."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from contracts import Position
from stores import Key, Outcome, OutcomeKind, Start
from stores.sqlite import SqliteStores
from tests.stores.memory_ledger import MemoryLedger
from tests.stores.starts import FIRST, NOW, RETENTION, start

POSITIONS = (FIRST, Position(attempt=1, park=1), Position(attempt=2, park=0))


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


@pytest.mark.parametrize("seed", range(10))
async def test_it_does_what_the_rules_say_whatever_came_before(
    sqlite_stores: SqliteStores, seed: int
) -> None:
    random, ledger, model = Random(seed), sqlite_stores.ledger, MemoryLedger()
    for number in range(40):
        key = Key("note", f"{number}", 0)
        for step in range(random.randrange(1, 9)):
            each = _start(random, key, step)
            move = random.choice(("claim", "claim", "record", "record", "release", "confirm"))
            match move:
                case "claim":
                    assert await ledger.claim(each) == await model.claim(each)
                case "record":
                    came_to = _outcome(random, each)
                    body = b"envelope"
                    assert await ledger.record(each, came_to, body) == await model.record(each, came_to, body)
                case "release":
                    await ledger.release(each)
                    await model.release(each)
                case _:
                    await ledger.confirm(key, each.position)
                    await model.confirm(key, each.position)
            assert await ledger.read(key) == await model.read(key)


def _start(random: Random, key: Key, step: int) -> Start:
    return start(
        key,
        random.choice((FIRST, FIRST, *POSITIONS)),
        token=random.choice(("t1", "t1", "t2")),
        at=NOW + timedelta(seconds=20 * step),
        lease=random.choice((None, timedelta(seconds=30))),
    )


def _outcome(random: Random, ended: Start) -> Outcome:
    kind = random.choice((OutcomeKind.DONE, *OutcomeKind))
    goes_on = kind in (OutcomeKind.RETRY, OutcomeKind.PARK)
    return Outcome(
        kind=kind,
        reason="test",
        decided_at=ended.at + timedelta(seconds=1),
        due=ended.at + timedelta(minutes=5) if goes_on else None,
        next=Position(attempt=2, park=0) if kind is OutcomeKind.RETRY else POSITIONS[1] if goes_on else None,
        charged_to_us=random.random() < 0.5,
    )
