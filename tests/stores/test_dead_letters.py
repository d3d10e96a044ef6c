"""The contract of a dead-letter store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts import DeadLetter, Envelope
from stores import DeadLetters, Depth, Filter, Kept, Stores

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def letter(
    identity: str, *, reason: str = "gone", died_at: datetime = NOW, target: str = "t", owner: str = ""
) -> DeadLetter:
    envelope = Envelope(
        type="developer-webhook", version=1, identity=identity, accepted_at=NOW, payload=b"{\xff}"
    )
    return DeadLetter.of(
        envelope,
        queue="developer-webhooks",
        target=target,
        owner=owner,
        reason=reason,
        detail="answered 410",
        died_at=died_at,
    )


async def test_a_letter_is_kept_whole_and_once(stores: Stores) -> None:
    letters: DeadLetters = stores.dead_letters
    one = letter("a")
    assert await letters.add(one) is True
    assert await letters.add(one) is False
    kept = await letters.get(one.id)
    assert kept is not None
    assert (kept.letter, kept.replayed_at, kept.replayed_as) == (one, None, None)
    assert await letters.get("0" * 16) is None


async def test_a_letter_without_envelope_is_kept_too(stores: Stores) -> None:
    raw = DeadLetter.of_bytes(
        b"junk", type_name="x", task_name="7", queue="q", reason="undecodable", detail="no", died_at=NOW
    )
    await stores.dead_letters.add(raw)
    kept = await stores.dead_letters.get(raw.id)
    assert kept is not None
    assert kept.letter == raw


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), {"a", "b", "c"}),
        (Filter(reason="gone"), {"a", "b"}),
        (Filter(target="other"), {"b"}),
        (Filter(owner="u1"), {"b"}),
        (Filter(type="developer-webhook", queue="developer-webhooks", reason="poison"), {"c"}),
        (Filter(type="no-such-type"), set()),
        (Filter(died_after=NOW + timedelta(minutes=30)), {"b", "c"}),
        (Filter(died_before=NOW + timedelta(minutes=30)), {"a"}),
        (Filter(died_before=datetime.fromisoformat("2026-01-01T14:30:00+02:00")), {"a"}),
        (Filter(replayed=True), {"c"}),
        (Filter(replayed=False), {"a", "b"}),
        (Filter(discarded=True), {"b"}),
        (Filter(discarded=False), {"a", "c"}),
        (Filter.open(), {"a"}),
        (Filter.open(reason="poison"), set()),
    ],
)
async def test_filters(stores: Stores, wanted: Filter, found: set[str]) -> None:
    later = NOW + timedelta(hours=1)
    poisoned = letter("c", reason="poison", died_at=later)
    other = letter("b", target="other", owner="u1", died_at=later)
    for one in (letter("a"), other, poisoned):
        await stores.dead_letters.add(one)
    await stores.dead_letters.discard(other.id, reason="spam", at=later)
    await stores.dead_letters.mark_replayed(poisoned.id, generation=1, at=later)
    kept = await stores.dead_letters.find(wanted, limit=10)
    assert {each.letter.identity for each in kept} == found


async def test_pages_meet_every_letter_once(stores: Stores) -> None:
    for number in range(7):
        await stores.dead_letters.add(letter(str(number)))
    seen: list[str] = []
    after: str | None = None
    while page := await stores.dead_letters.find(Filter(), limit=3, after=after):
        seen += [each.letter.identity for each in page]
        after = page[-1].letter.id
    assert sorted(seen) == [str(number) for number in range(7)]


async def test_a_replay_is_noted(stores: Stores) -> None:
    one = letter("a")
    await stores.dead_letters.add(one)
    await stores.dead_letters.mark_replayed(one.id, generation=3, at=NOW)
    kept = await stores.dead_letters.get(one.id)
    assert kept is not None
    assert (kept.replayed_as, kept.replayed_at) == (3, NOW)


async def test_erasing_a_user_removes_that_users_letters_alone(stores: Stores) -> None:
    for identity, owner in (("a", "u1"), ("b", "u1"), ("c", "u10"), ("d", "")):
        await stores.dead_letters.add(letter(identity, owner=owner))
    assert await stores.dead_letters.erase("u1", dry_run=True) == 2
    assert await stores.dead_letters.erase("u1") == 2
    assert await stores.dead_letters.erase("u1") == 0
    left = await stores.dead_letters.find(Filter(), limit=10)
    assert {kept.letter.identity for kept in left} == {"c", "d"}


async def test_a_discard_is_noted_with_its_first_reason_and_deletes_nothing(stores: Stores) -> None:
    one = letter("a")
    await stores.dead_letters.add(one)
    assert await stores.dead_letters.discard(one.id, reason="endpoint retired", at=NOW)
    assert await stores.dead_letters.discard(one.id, reason="again", at=NOW + timedelta(hours=1))
    kept = await stores.dead_letters.get(one.id)
    assert kept == Kept(one, discarded_at=NOW, discard_reason="endpoint retired")
    assert await stores.dead_letters.add(one) is False
    assert not await stores.dead_letters.discard("0" * 16, reason="x", at=NOW)


async def test_depths_count_open_letters_by_queue_and_reason(stores: Stores) -> None:
    letters: DeadLetters = stores.dead_letters
    assert await letters.depths(limit=10) == ()
    hours = [NOW + timedelta(hours=number) for number in range(6)]
    queue = "developer-webhooks"
    for number, reason in enumerate(["gone", "gone", "bug", "gone", "bug"]):
        await letters.add(letter(str(number), reason=reason, died_at=hours[number]))
    assert await letters.depths(limit=10) == (Depth(queue, "bug", 2, hours[2]), Depth(queue, "gone", 3, NOW))
    await letters.mark_replayed(letter("0").id, generation=1, at=hours[5])
    await letters.discard(letter("2").id, reason="x", at=hours[5])
    assert await letters.depths(limit=10) == (
        Depth(queue, "bug", 1, hours[4]),
        Depth(queue, "gone", 2, hours[1]),
    )
    assert Depth(queue, "gone", 1, hours[1]) in await letters.depths(limit=1)


async def test_a_sweep_takes_old_closed_letters_alone(stores: Stores) -> None:
    letters: DeadLetters = stores.dead_letters
    old, late = NOW + timedelta(hours=1), NOW + timedelta(days=30)
    for identity in ("open", "replayed", "discarded", "lately", "both"):
        await letters.add(letter(identity))
    await letters.mark_replayed(letter("replayed").id, generation=1, at=old)
    await letters.discard(letter("discarded").id, reason="x", at=old)
    await letters.mark_replayed(letter("lately").id, generation=1, at=late)
    await letters.discard(letter("both").id, reason="x", at=old)
    await letters.mark_replayed(letter("both").id, generation=1, at=late)
    assert await letters.sweep(NOW + timedelta(days=1), limit=1) == 1
    assert await letters.sweep(NOW + timedelta(days=1), limit=10) == 1
    assert await letters.sweep(NOW + timedelta(days=1), limit=10) == 0
    left = {kept.letter.identity for kept in await letters.find(Filter(), limit=10)}
    assert left == {"open", "lately", "both"}
