"""The contract of a directory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from contracts import WebhookKind
from stores import Directory, Endpoint, SigningKey, Stores, rotated

NOW = datetime(2026, 1, 1, 12, 30, 0, 250, tzinfo=UTC)
ENDPOINT = Endpoint(
    uid="u",
    kind="memory_created",
    url="https://example.com/hook?x=1",
    keys=(SigningKey(secret="whsec_new"), SigningKey(secret="whsec_old", not_after=NOW)),
)


async def test_an_endpoint_is_found_whole_by_user_and_kind(stores: Stores) -> None:
    directory: Directory = stores.directory
    await directory.put_endpoint(ENDPOINT)
    assert await directory.endpoint("u", "memory_created") == ENDPOINT
    assert await directory.endpoint("u", "day_summary") is None
    assert await directory.endpoint("v", "memory_created") is None


async def test_putting_it_again_replaces_it(stores: Stores) -> None:
    await stores.directory.put_endpoint(ENDPOINT)
    paused = replace(ENDPOINT, paused=True, url="https://example.com/other")
    await stores.directory.put_endpoint(paused)
    assert await stores.directory.endpoint("u", "memory_created") == paused


async def test_adding_it_again_changes_nothing(stores: Stores) -> None:
    assert await stores.directory.add_endpoint(ENDPOINT) is True
    assert await stores.directory.add_endpoint(replace(ENDPOINT, paused=True)) is False
    assert await stores.directory.endpoint("u", "memory_created") == ENDPOINT


async def test_a_change_is_kept_and_returned(stores: Stores) -> None:
    await stores.directory.put_endpoint(ENDPOINT)
    changed = await stores.directory.change_endpoint(
        "u", "memory_created", lambda one: replace(one, paused=True)
    )
    assert changed == replace(ENDPOINT, paused=True)
    assert await stores.directory.endpoint("u", "memory_created") == changed
    assert await stores.directory.change_endpoint("v", "memory_created", lambda one: one) is None


async def test_a_change_that_fails_changes_nothing(stores: Stores) -> None:
    await stores.directory.put_endpoint(ENDPOINT)

    def refuse(_: Endpoint) -> Endpoint:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await stores.directory.change_endpoint("u", "memory_created", refuse)
    assert await stores.directory.endpoint("u", "memory_created") == ENDPOINT


async def test_of_changes_at_once_none_is_lost(stores: Stores) -> None:
    await stores.directory.put_endpoint(replace(ENDPOINT, keys=(SigningKey(secret="0"),)))
    await asyncio.gather(
        *(
            stores.directory.change_endpoint(
                "u",
                "memory_created",
                lambda one, new=str(number): rotated(one, new, now=NOW),  # type: ignore[misc]  # bound early
            )
            for number in range(1, 8)
        )
    )
    found = await stores.directory.endpoint("u", "memory_created")
    assert found is not None
    newest, *old = found.keys
    assert newest.not_after is None
    assert {key.not_after for key in old} == {NOW + timedelta(hours=24)}
    assert {key.secret for key in found.keys} == {str(number) for number in range(8)}


async def test_pages_meet_every_endpoint_once_in_order(stores: Stores) -> None:
    kinds: tuple[WebhookKind, ...] = get_args(WebhookKind)
    every = [replace(ENDPOINT, uid=uid, kind=kind) for uid in ("u1", "u2") for kind in kinds]
    for one in reversed(every):
        await stores.directory.put_endpoint(one)
    seen: list[Endpoint] = []
    while page := await stores.directory.endpoints(limit=3, after=seen[-1] if seen else None):
        assert len(page) <= 3
        seen += page
    assert seen == sorted(every, key=lambda one: (one.uid, one.kind))
    assert {one.uid for one in await stores.directory.endpoints(uid="u2", limit=10)} == {"u2"}


async def test_one_users_endpoints_are_erased(stores: Stores) -> None:
    kinds: tuple[WebhookKind, ...] = ("memory_created", "day_summary")
    for kind in kinds:
        await stores.directory.put_endpoint(replace(ENDPOINT, kind=kind))
    other = replace(ENDPOINT, uid=ENDPOINT.uid + "0")
    await stores.directory.put_endpoint(other)
    assert await stores.directory.erase(ENDPOINT.uid, dry_run=True) == 2
    assert await stores.directory.erase(ENDPOINT.uid) == 2
    assert await stores.directory.erase(ENDPOINT.uid) == 0
    assert await stores.directory.endpoints(limit=10) == (other,)
