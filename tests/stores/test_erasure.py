"""One user's data goes from every store, and nobody else's does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts import BlobReference, DeadLetter, Envelope, developer_endpoint
from stores import (
    Blobs,
    Device,
    Endpoint,
    Health,
    Key,
    NobodyToErase,
    SigningKey,
    StoreClosed,
    Stores,
    TargetState,
    Traffic,
)
from stores.blob_location import open_blobs
from stores.erasure import Erasure
from tests.stores.starts import start

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
USERS = ("u1", "u10", "U1")


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[Blobs]:
    async with open_blobs(str(tmp_path / "blobs"), project="p") as opened:
        yield opened


async def fill(stores: Stores, blobs: Blobs, uid: str) -> None:
    envelope = Envelope(type="t", version=1, identity=f"{uid}/1", accepted_at=NOW, payload=b"{}")
    keys = (SigningKey(secret="whsec_a"),)
    await stores.directory.put_endpoint(
        Endpoint(uid=uid, kind="memory_created", url="https://a.example", keys=keys)
    )
    await stores.grants.keep(uid, "google", b"sealed")
    await stores.devices.add(Device(uid=uid, token=f"token-{uid}", platform="ios", added_at=NOW))
    await stores.dead_letters.add(
        DeadLetter.of(envelope, queue="q", target="t", owner=uid, reason="gone", detail="", died_at=NOW)
    )
    await stores.ledger.claim(start(Key("t", f"{uid}/1", 0), owner=uid))
    await blobs.put(BlobReference.of(b"x", owner=uid), b"x", keep_until=NOW)


async def test_a_user_is_erased_everywhere_and_alone(stores: Stores, blobs: Blobs) -> None:
    erasure = Erasure(stores, blobs)
    for uid in USERS:
        await fill(stores, blobs, uid)
    held = {
        "endpoints": 1,
        "apps": 0,
        "grants": 1,
        "devices": 1,
        "places": 0,
        "speech results": 0,
        "dead letters": 1,
        "blobs": 1,
        "ledger": 1,
    }
    assert await erasure("u1", dry_run=True) == held
    assert await erasure("u1") == held
    assert await erasure("u1") == dict.fromkeys(held, 0)
    for uid in ("u10", "U1"):
        assert await erasure(uid, dry_run=True) == held


async def test_what_is_known_of_a_users_servers_goes_whether_or_not_they_are_still_endpoints(
    stores: Stores, blobs: Blobs
) -> None:
    failing, resting = Health(failing_since=NOW), Traffic(booked_until=1.0)
    gone, kept = developer_endpoint("u1", "day_summary"), developer_endpoint("u10", "day_summary")
    for target in (gone, kept, developer_endpoint("u1", "memory_created")):
        await stores.targets.change_health(target, lambda _: failing)
        await stores.targets.change_traffic("q", target, lambda _: resting)
    await fill(stores, blobs, "u1")
    await Erasure(stores, blobs)("u1", dry_run=True)
    assert await stores.targets.read("q", gone) == TargetState(traffic=resting, health=failing)
    await Erasure(stores, blobs)("u1")
    assert await stores.targets.read("q", gone) == TargetState()
    assert await stores.targets.read("q", developer_endpoint("u1", "memory_created")) == TargetState()
    assert await stores.targets.read("q", kept) == TargetState(traffic=resting, health=failing)


async def test_every_store_that_holds_data_of_users_is_asked(stores: Stores, blobs: Blobs) -> None:
    able = [name for name in vars(Stores) if hasattr(getattr(stores, name, None), "erase")]
    assert len(await Erasure(stores, blobs)("u1", dry_run=True)) == len([*able, blobs])


async def test_nobody_is_not_erased(stores: Stores, blobs: Blobs) -> None:
    await fill(stores, blobs, "")
    with pytest.raises(NobodyToErase, match="name the user"):
        await Erasure(stores, blobs)("")
    assert await blobs.get(BlobReference.of(b"x", owner="")) == b"x"


async def test_what_an_outage_left_is_erased_the_next_time(
    stores: Stores, blobs: Blobs, tmp_path: Path
) -> None:
    await fill(stores, blobs, "u1")
    async with open_blobs(str(tmp_path / "other"), project="p") as closed:
        pass
    with pytest.raises(StoreClosed):
        await Erasure(stores, closed)("u1")
    left = await Erasure(stores, blobs)("u1")
    assert {name for name, count in left.items() if count} == {"blobs", "ledger"}
