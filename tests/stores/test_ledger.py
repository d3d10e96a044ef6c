"""The contract of a ledger store: it keeps what the rules say, for all its callers at once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from contracts import Position
from stores import Key, Leased, Ledger, Outcome, OutcomeKind, Row, Settled, Started, Stores, Superseded
from tests.stores.conftest import Backend
from tests.stores.starts import FIRST, NOW, RETENTION, start

KEY = Key("developer-webhook", "memory_created/u/1/0", 0)
SECOND = Position(attempt=2, park=0)
BODY = b'{"type":"developer-webhook"}\n\x00\xff'
RETRY = Outcome(
    kind=OutcomeKind.RETRY,
    reason="target-failed",
    detail="answered 500",
    decided_at=NOW,
    due=NOW + timedelta(minutes=5, microseconds=1),
    next=SECOND,
    queue="quarantine",
)
DONE = Outcome(kind=OutcomeKind.DONE, reason="delivered", decided_at=NOW)
DEAD = Outcome(kind=OutcomeKind.DEAD, reason="gone", decided_at=NOW)


async def kept(ledger: Ledger, key: Key = KEY) -> Row:
    row = await ledger.read(key)
    assert row is not None
    return row


async def overdue(ledger: Ledger, before: datetime) -> list[Key]:
    """In pages of two."""
    found: list[Row] = []
    while page := await ledger.overdue(before, limit=2, after=found[-1] if found else None):
        assert len(page) <= 2
        found += page
    return [row.key for row in found]


async def test_what_was_claimed_is_read_back_whole(stores: Stores) -> None:
    ledger: Ledger = stores.ledger
    claimed = await ledger.claim(start(KEY, lease=timedelta(seconds=60)))
    assert claimed == Started(await kept(ledger))
    row = await kept(ledger)
    assert (row.key, row.position, row.running, row.outcome) == (KEY, FIRST, ("t1",), None)
    assert (row.owner, row.queue, row.target) == ("u1", "developer-webhooks", "https://example.com")
    assert row.lease is not None
    assert (row.lease.token, row.lease.until) == ("t1", NOW + timedelta(seconds=60))
    assert row.expires_at == NOW + RETENTION


async def test_what_was_recorded_is_read_back_whole(stores: Stores) -> None:
    await stores.ledger.claim(start(KEY))
    assert await stores.ledger.record(start(KEY), RETRY, BODY) == Settled(RETRY)
    row = await kept(stores.ledger)
    assert (row.outcome, row.position, row.starts, row.body) == (RETRY, FIRST, 0, BODY)
    assert row.follow_up_due == RETRY.due
    assert [(ended.position, ended.outcome) for ended in row.history] == [(FIRST, RETRY)]


async def test_it_outlives_the_process(backend: Backend) -> None:
    async with backend.open() as first:
        await first.ledger.claim(start(KEY))
        await first.ledger.record(start(KEY), RETRY, BODY)
    async with backend.open() as second:
        assert await second.ledger.claim(start(KEY, token="t2")) == Settled(RETRY)


async def test_the_next_attempt_goes_on_in_the_same_row(stores: Stores) -> None:
    await stores.ledger.record(start(KEY), RETRY, BODY)
    assert isinstance(await stores.ledger.claim(start(KEY, SECOND, token="t2")), Started)
    row = await kept(stores.ledger)
    assert (row.position, row.outcome, row.body, row.running) == (SECOND, None, None, ("t2",))
    assert len(row.history) == 1
    assert await stores.ledger.claim(start(KEY, token="t3")) == Superseded()
    assert await stores.ledger.record(start(KEY, token="t1"), DEAD, BODY) == Superseded()


async def test_of_many_outcomes_at_once_one_stands(stores: Stores) -> None:
    offers = [RETRY.model_copy(update={"detail": str(number)}) for number in range(20)]
    starts = [start(KEY, token=f"t{number}") for number in range(20)]
    for each in starts:
        await stores.ledger.claim(each)
    standing = await asyncio.gather(
        *(stores.ledger.record(each, offer, BODY) for each, offer in zip(starts, offers, strict=True))
    )
    row = await kept(stores.ledger)
    assert set(standing) == {Settled(row.outcome or DEAD)}
    assert (len(row.history), row.running) == (1, ())


async def test_of_many_claims_at_once_one_holds_the_lease(stores: Stores) -> None:
    lease = timedelta(seconds=60)
    starts = [start(KEY, token=f"t{number}", lease=lease) for number in range(20)]
    claims = await asyncio.gather(*(stores.ledger.claim(each) for each in starts))
    assert sum(isinstance(each, Started) for each in claims) == 1
    assert sum(each == Leased(NOW + lease) for each in claims) == 19
    holder = next(each for each, claim in zip(starts, claims, strict=True) if isinstance(claim, Started))
    for each in starts:
        if each != holder:
            await stores.ledger.release(each)
    assert isinstance(await stores.ledger.claim(start(KEY, token="late", lease=lease)), Leased)
    await stores.ledger.release(holder)
    assert isinstance(await stores.ledger.claim(start(KEY, token="later", lease=lease)), Started)


async def test_two_processes_see_one_row(backend: Backend) -> None:
    async with backend.open() as one, backend.open() as other:
        await one.ledger.claim(start(KEY))
        claimed = await other.ledger.claim(start(KEY, token="t2"))
        assert isinstance(claimed, Started)
        assert claimed.row.running == ("t1", "t2")


async def test_release_takes_its_own_start_back(stores: Stores) -> None:
    await stores.ledger.claim(start(KEY))
    await stores.ledger.claim(start(KEY, token="t2"))
    await stores.ledger.release(start(KEY, token="t2"))
    assert (await kept(stores.ledger)).running == ("t1",)
    unknown = Key("unknown", "nobody", 0)
    await stores.ledger.release(start(unknown))
    assert await stores.ledger.read(unknown) is None


async def test_latest_is_the_highest_generation(stores: Stores) -> None:
    assert await stores.ledger.latest(KEY.type, KEY.identity) is None
    for generation in (0, 10, 9):
        await stores.ledger.claim(start(KEY._replace(generation=generation)))
    latest = await stores.ledger.latest(KEY.type, KEY.identity)
    assert latest is not None
    assert latest.key.generation == 10


async def test_what_is_to_follow_and_never_did_is_found_the_earliest_first(stores: Stores) -> None:
    ledger = stores.ledger
    due = NOW + timedelta(minutes=5)
    for minutes in (3, 1, 2, 2, 9):
        late = RETRY.model_copy(update={"due": due + timedelta(minutes=minutes)})
        count = len(await overdue(ledger, due + timedelta(hours=1)))
        await ledger.record(start(Key("note", f"{minutes}-{count}", 0)), late, BODY)
    await ledger.record(start(KEY), DONE, BODY)
    await ledger.claim(start(KEY._replace(generation=1)))
    identities = [key.identity for key in await overdue(ledger, due + timedelta(minutes=3, seconds=1))]
    assert [identity[0] for identity in identities] == ["1", "2", "2", "3"]
    assert set(identities) == {"1-1", "2-2", "2-3", "3-0"}
    assert await overdue(ledger, due + timedelta(minutes=1)) == []
    assert isinstance(await ledger.claim(start(Key("note", "1-1", 0), SECOND, token="t2")), Started)
    assert len(await overdue(ledger, due + timedelta(hours=1))) == 4


async def test_a_dead_letter_is_to_follow_until_it_is_confirmed(stores: Stores) -> None:
    ledger = stores.ledger
    await ledger.record(start(KEY), DEAD, BODY)
    assert await overdue(ledger, NOW + timedelta(seconds=1)) == [KEY]
    assert (await kept(ledger)).body == BODY
    await ledger.confirm(KEY, FIRST)
    assert await overdue(ledger, NOW + timedelta(seconds=1)) == []
    row = await kept(ledger)
    assert (row.body, row.outcome) == (None, DEAD)
    unknown = Key("unknown", "nobody", 0)
    await ledger.confirm(unknown, FIRST)
    assert await ledger.read(unknown) is None


async def test_one_users_rows_are_erased(stores: Stores) -> None:
    ledger = stores.ledger
    for number in range(3):
        await ledger.claim(start(Key("note", f"mine-{number}", 0)))
        await ledger.claim(start(Key("note", f"other-{number}", 0), owner="u2"))
    await ledger.claim(start(KEY, owner=""))
    assert await ledger.erase("u1", dry_run=True) == 3
    assert await ledger.erase("u1") == 3
    assert await ledger.erase("u1") == 0
    assert await ledger.erase("") == 0
    assert await ledger.read(Key("note", "mine-0", 0)) is None
    assert (await kept(ledger, Key("note", "other-0", 0))).owner == "u2"
    assert (await kept(ledger)).owner == ""
