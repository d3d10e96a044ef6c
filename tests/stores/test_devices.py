"""The contract of a store of devices."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stores import MAX_DEVICES, Device, Devices, Stores

NOW = datetime(2026, 1, 1, 12, 30, 0, 250, tzinfo=UTC)
PHONE = Device(uid="u", token="phone:APA91b", platform="android", added_at=NOW)
TABLET = Device(uid="u", token="tablet:APA91b", platform="ios", added_at=NOW + timedelta(seconds=1))


@pytest.fixture
def devices(stores: Stores) -> Devices:
    return stores.devices


def test_a_device_is_called_by_what_tells_nothing_of_its_token() -> None:
    assert len(PHONE.id) == 16
    assert PHONE.id != TABLET.id
    assert PHONE.id == replace(PHONE, uid="v", added_at=TABLET.added_at).id
    assert PHONE.digest.startswith(PHONE.id)
    assert "APA91b" not in f"{PHONE!r} {PHONE} {PHONE.digest}"


async def test_devices_are_found_whole_by_user_the_newest_first(devices: Devices) -> None:
    for one in (PHONE, TABLET, replace(PHONE, uid="v", token="other")):
        await devices.add(one)
    assert await devices.of("u") == (TABLET, PHONE)
    assert await devices.of("nobody") == ()


async def test_those_of_one_moment_are_in_the_order_of_their_digests(devices: Devices) -> None:
    every = [replace(PHONE, token=f"t{number}") for number in range(5)]
    for one in every:
        await devices.add(one)
    assert await devices.of("u") == tuple(sorted(every, key=lambda one: one.digest))


async def test_a_token_told_again_is_one_device_told_now(devices: Devices) -> None:
    await devices.add(PHONE)
    await devices.add(TABLET)
    again = replace(PHONE, added_at=NOW + timedelta(days=1), platform="web")
    await devices.add(again)
    assert await devices.of("u") == (again, TABLET)


async def test_who_signs_in_last_on_a_device_has_it(devices: Devices) -> None:
    await devices.add(PHONE)
    await devices.add(replace(PHONE, uid="v"))
    assert await devices.of("u") == ()
    assert await devices.of("v") == (replace(PHONE, uid="v"),)


async def test_of_too_many_those_told_longest_ago_leave(devices: Devices) -> None:
    other = replace(PHONE, uid="v", token="other")
    await devices.add(other)
    every = [
        replace(PHONE, token=f"t{number}", added_at=NOW + timedelta(seconds=number))
        for number in range(MAX_DEVICES + 2)
    ]
    for one in every:
        await devices.add(one)
    assert await devices.of("u") == tuple(reversed(every[2:]))
    assert await devices.of("v") == (other,)


async def test_a_device_is_removed_by_its_id_from_its_own_user_alone(devices: Devices) -> None:
    await devices.add(PHONE)
    await devices.add(TABLET)
    assert await devices.remove("v", PHONE.id) is False
    assert await devices.remove("u", "0" * 16) is False
    assert await devices.of("u") == (TABLET, PHONE)
    assert await devices.remove("u", PHONE.id) is True
    assert await devices.remove("u", PHONE.id) is False
    assert await devices.of("u") == (TABLET,)


async def test_erasing_a_user_leaves_the_others(devices: Devices) -> None:
    other = replace(PHONE, uid="v", token="other")
    for one in (PHONE, TABLET, other):
        await devices.add(one)
    assert await devices.erase("u", dry_run=True) == 2
    assert await devices.erase("u") == 2
    assert await devices.erase("u") == 0
    assert await devices.of("u") == ()
    assert await devices.of("v") == (other,)
