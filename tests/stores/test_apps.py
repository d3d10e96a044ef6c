"""Apps, and who enabled them: found, paged, changed whole, and forgotten with their user."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stores import App, Apps, SigningKey, Stores

KEYS = (
    SigningKey(secret="whsec_new"),
    SigningKey(secret="whsec_old", not_after=datetime(2026, 11, 1, 12, 0, 0, 5, tzinfo=UTC)),
)


@pytest.fixture
def apps(stores: Stores) -> Apps:
    return stores.apps


def app(app_id: str) -> App:
    return App(
        id=app_id,
        name="Weather ☂",
        owner="maker",
        url="https://weather.example/hook?x=1",
        triggers=frozenset({"memory_creation", "transcript_processed"}),
        keys=KEYS,
    )


def ids(found: Iterable[App]) -> list[str]:
    return [each.id for each in found]


async def test_an_app_is_kept_as_it_was_added(apps: Apps) -> None:
    assert await apps.app("weather") is None
    assert await apps.add_app(app("weather"))
    assert await apps.app("weather") == app("weather")
    assert not await apps.add_app(replace(app("weather"), name="Another"))
    assert await apps.app("weather") == app("weather")


async def test_a_change_replaces_the_whole(apps: Apps) -> None:
    await apps.add_app(app("weather"))
    changed = await apps.change_app(
        "weather", lambda found: replace(found, paused=True, triggers=frozenset())
    )
    assert changed == replace(app("weather"), paused=True, triggers=frozenset())
    assert await apps.app("weather") == changed
    assert await apps.change_app("other", lambda found: found) is None


async def test_a_change_that_raises_changes_nothing(apps: Apps) -> None:
    await apps.add_app(app("weather"))

    def refuse(_: App) -> App:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await apps.change_app("weather", refuse)
    assert await apps.app("weather") == app("weather")


async def test_changes_at_once_are_all_kept(apps: Apps) -> None:
    await apps.add_app(replace(app("weather"), name=""))
    await asyncio.gather(
        *(apps.change_app("weather", lambda found: replace(found, name=found.name + "x")) for _ in range(10))
    )
    found = await apps.app("weather")
    assert found is not None
    assert found.name == "x" * 10


async def test_pages_hold_each_app_once_in_order(apps: Apps) -> None:
    for name in ("c", "a", "B", "d", "_e"):
        await apps.add_app(app(name))
    first = await apps.apps(limit=2)
    rest = await apps.apps(limit=10, after=first[-1].id)
    assert ids((*first, *rest)) == ["B", "_e", "a", "c", "d"]
    assert await apps.apps(limit=10, after="d") == ()


async def test_a_user_is_told_of_by_the_apps_that_the_user_enabled(apps: Apps) -> None:
    for name in ("a", "b", "c", "d"):
        await apps.add_app(app(name))
    for uid, name in (("ada", "c"), ("ada", "a"), ("ada", "d"), ("bob", "b")):
        assert await apps.enable(uid, name)
    assert not await apps.enable("ada", "a")
    first = await apps.enabled_apps("ada", limit=2)
    assert ids(first) == ["a", "c"]
    assert first[0] == app("a")
    assert ids(await apps.enabled_apps("ada", limit=2, after="c")) == ["d"]
    assert await apps.enabled_apps("ada", limit=2, after="d") == ()
    assert await apps.enabled_app("ada", "a") == app("a")
    assert await apps.enabled_app("ada", "b") is None


async def test_an_app_that_is_disabled_is_told_no_more(apps: Apps) -> None:
    await apps.add_app(app("a"))
    await apps.enable("ada", "a")
    assert await apps.disable("ada", "a")
    assert not await apps.disable("ada", "a")
    assert await apps.enabled_app("ada", "a") is None
    assert await apps.enabled_apps("ada", limit=10) == ()


async def test_one_that_does_not_exist_is_passed_over(apps: Apps) -> None:
    for name in ("a", "c"):
        await apps.add_app(app(name))
    for name in ("a", "b", "c"):
        await apps.enable("ada", name)
    assert ids(await apps.enabled_apps("ada", limit=10)) == ["a", "c"]
    assert ids(await apps.enabled_apps("ada", limit=1, after="a")) == ["c"]
    assert await apps.enabled_app("ada", "b") is None


async def test_erasing_a_user_forgets_what_that_user_enabled(apps: Apps) -> None:
    for name in ("a", "b"):
        await apps.add_app(app(name))
        await apps.enable("ada", name)
    await apps.enable("bob", "a")
    assert await apps.erase("ada", dry_run=True) == 2
    assert await apps.erase("ada") == 2
    assert await apps.enabled_apps("ada", limit=10) == ()
    assert ids(await apps.enabled_apps("bob", limit=10)) == ["a"]
    assert await apps.erase("ada") == 0
