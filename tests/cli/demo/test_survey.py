"""A look around finds every accepted delivery, wherever it is. With real stores and a real receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from cli.demo.account import Account
from cli.demo.endpoints import EndpointKind
from cli.demo.receiver import Receiver
from cli.demo.stream import Accepted
from cli.demo.survey import Survey
from contracts import DeadLetter, delivery_id
from stores import Key, Outcome, OutcomeKind
from stores.sqlite import SqliteStores, open_sqlite
from tests.stores.starts import start

NOW = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
TYPE = "developer-webhook"


@dataclass
class Queues:
    """What the emulator would list."""

    waiting: frozenset[str] = frozenset()

    async def delivery_ids(self) -> frozenset[str]:
        return self.waiting


def accepted(identity: str) -> Accepted:
    return Accepted(type=TYPE, identity=identity, delivery_id=delivery_id(TYPE, identity))


def dead_letter(identity: str) -> DeadLetter:
    return DeadLetter(
        id=f"{hash(identity) & 0xFFFF_FFFF_FFFF_FFFF:016x}",
        type=TYPE,
        identity=identity,
        generation=0,
        attempt=4,
        queue="developer-webhooks",
        target="",
        reason="attempts-used",
        detail="",
        accepted_at=NOW,
        died_at=NOW,
        body=b"",
    )


async def record(stores: SqliteStores, identity: str, kind: OutcomeKind) -> None:
    outcome = Outcome(kind=kind, reason="owner-paused", decided_at=NOW)
    await stores.ledger.record(start(Key(TYPE, identity, 0)), outcome, b"")


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[SqliteStores]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


async def test_every_place_is_looked_at(stores: SqliteStores, receiver: Receiver) -> None:
    queues = Queues(waiting=frozenset({accepted("waiting").delivery_id, "somebody-else"}))
    survey = Survey(waiting=queues, letters=stores.dead_letters, ledger=stores.ledger, receiver=receiver)
    for identity in ("delivered", "waiting"):
        survey.note(EndpointKind.GOOD, accepted(identity))
    for identity in ("dead", "skipped", "done-but-not-received"):
        survey.note(EndpointKind.DEAD, accepted(identity))
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(2):
            headers = {"webhook-id": accepted("delivered").delivery_id}
            await client.post(f"{receiver.url}/good/memory_created", headers=headers)
    await stores.dead_letters.add(dead_letter("dead"))
    await record(stores, "skipped", OutcomeKind.SKIPPED)
    await record(stores, "done-but-not-received", OutcomeKind.DONE)

    findings = await survey.look()

    assert findings.account() == Account(
        accepted=5, delivered=1, waiting=1, dead=1, skipped=1, lost=1, duplicates=1
    )
    assert findings.account_of(EndpointKind.GOOD) == Account(
        accepted=2, delivered=1, waiting=1, dead=0, skipped=0, lost=0, duplicates=1
    )
    assert findings.account_of(EndpointKind.DEAD) == Account(
        accepted=3, delivered=0, waiting=0, dead=1, skipped=1, lost=1, duplicates=0
    )
    assert not findings.whole.settled
    assert [kept.letter.identity for kept in findings.letters] == ["dead"]


async def test_one_delivery_accepted_twice_is_one(stores: SqliteStores, receiver: Receiver) -> None:
    survey = Survey(waiting=Queues(), letters=stores.dead_letters, ledger=stores.ledger, receiver=receiver)
    survey.note(EndpointKind.GOOD, accepted("a"))
    survey.note(EndpointKind.GOOD, accepted("a"))
    assert (await survey.look()).account().accepted == 1


async def test_more_dead_letters_than_a_page_are_all_read(stores: SqliteStores, receiver: Receiver) -> None:
    survey = Survey(
        waiting=Queues(), letters=stores.dead_letters, ledger=stores.ledger, receiver=receiver, page=2
    )
    for number in range(5):
        await stores.dead_letters.add(dead_letter(str(number)))
    letters = (await survey.look()).letters
    assert {kept.letter.identity for kept in letters} == {"0", "1", "2", "3", "4"}
