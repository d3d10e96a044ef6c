"""The contract of grants: the last one kept stands, of each user and provider alone, and can be erased."""

from __future__ import annotations

from stores import Stores

SEALED = bytes(range(256))


async def test_the_last_one_kept_stands(stores: Stores) -> None:
    assert await stores.grants.grant("u", "google") is None
    await stores.grants.keep("u", "google", b"first")
    await stores.grants.keep("u", "google", SEALED)
    assert await stores.grants.grant("u", "google") == SEALED
    assert await stores.grants.grant("u", "apple") is None
    assert await stores.grants.grant("v", "google") is None


async def test_one_is_removed_once(stores: Stores) -> None:
    await stores.grants.keep("u", "google", SEALED)
    await stores.grants.keep("u", "other", b"stays")
    assert await stores.grants.remove("u", "google") is True
    assert await stores.grants.remove("u", "google") is False
    assert await stores.grants.grant("u", "google") is None
    assert await stores.grants.grant("u", "other") == b"stays"


async def test_a_user_s_can_be_erased(stores: Stores) -> None:
    for uid, provider in (("u", "google"), ("u", "other"), ("v", "google")):
        await stores.grants.keep(uid, provider, SEALED)
    assert await stores.grants.erase("u", dry_run=True) == 2
    assert await stores.grants.erase("u") == 2
    assert await stores.grants.erase("u") == 0
    assert await stores.grants.grant("v", "google") == SEALED
