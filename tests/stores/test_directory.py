"""The contract of a directory."""

from __future__ import annotations

from dataclasses import replace

from stores import Directory, Endpoint
from stores.sqlite import SqliteStores

ENDPOINT = Endpoint(
    uid="u", kind="memory_created", url="https://example.com/hook?x=1", secret="whsec_c2VjcmV0"
)


async def test_an_endpoint_is_found_by_user_and_kind(stores: SqliteStores) -> None:
    directory: Directory = stores.directory
    await directory.put_endpoint(ENDPOINT)
    assert await directory.endpoint("u", "memory_created") == ENDPOINT
    assert await directory.endpoint("u", "day_summary") is None
    assert await directory.endpoint("v", "memory_created") is None


async def test_putting_it_again_replaces_it(stores: SqliteStores) -> None:
    await stores.directory.put_endpoint(ENDPOINT)
    paused = replace(ENDPOINT, paused=True, url="https://example.com/other")
    await stores.directory.put_endpoint(paused)
    assert await stores.directory.endpoint("u", "memory_created") == paused


def test_the_secret_is_not_shown() -> None:
    assert "c2VjcmV0" not in repr(ENDPOINT)
