"""Notifications on a real wire: to which devices they go, and what becomes of a device that is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from contracts import BulkNotification, Notification
from handlers.delivery import End, NotWanted, Reason, Returned, TargetFailed
from handlers.effect import Delivery
from handlers.fcm import Fcm
from handlers.notifications import Notifications, each_notified
from lanes import FCM, HttpLane
from stores import Device, Devices, StoreUnavailable
from stores.sqlite import open_sqlite
from tests.handlers.conftest import START, Clock
from tests.handlers.fcm_answers import NOTIFICATION, UNREGISTERED, message_in, refusal, sent
from tests.receiver import Received, Receiver, answering, receiver

DELIVERY = Delivery(id="msg_1", attempt=1, deadline=5.0)
PHONE = Device(uid="u", token="phone", platform="android", added_at=START)
TABLET = Device(uid="u", token="tablet", platform="ios", added_at=START + timedelta(seconds=1))


async def taken(_: Received) -> web.Response:
    return sent()


@pytest.fixture
async def devices(tmp_path: Path) -> AsyncIterator[Devices]:
    async with open_sqlite(tmp_path / "stores.sqlite3") as stores:
        yield stores.devices


@pytest.fixture
async def fcm() -> AsyncIterator[Receiver]:
    async with receiver(taken) as opened:
        yield opened


@pytest.fixture
async def notifications(devices: Devices, fcm: Receiver) -> AsyncIterator[Notifications]:
    async with HttpLane(FCM) as lane:
        yield Notifications(devices, Fcm(lane, None, url=fcm.url, project="p", clock=Clock()))


def to(device: Device) -> Notification:
    return NOTIFICATION.model_copy(update={"device": device.id})


async def told(notifications: Notifications, task: Notification) -> End:
    return await notifications(task, DELIVERY)


async def test_one_device_is_sent_to_at_once(
    notifications: Notifications, devices: Devices, fcm: Receiver
) -> None:
    await devices.add(PHONE)
    assert await told(notifications, NOTIFICATION) == Returned()
    assert [message_in(got)["token"] for got in fcm.received] == ["phone"]


async def test_several_devices_become_one_task_each_and_nothing_is_sent_yet(
    notifications: Notifications, devices: Devices, fcm: Receiver
) -> None:
    await devices.add(PHONE)
    await devices.add(TABLET)
    end = await told(notifications, NOTIFICATION)
    assert end == Returned(then=(to(TABLET), to(PHONE)))
    assert end == await told(notifications, NOTIFICATION)
    assert isinstance(end, Returned)
    assert len({task.identity() for task in (NOTIFICATION, *end.then)}) == 3
    assert fcm.received == []


async def test_a_task_of_one_device_goes_to_that_one_alone(
    notifications: Notifications, devices: Devices, fcm: Receiver
) -> None:
    await devices.add(PHONE)
    await devices.add(TABLET)
    assert await told(notifications, to(PHONE)) == Returned()
    assert [message_in(got)["token"] for got in fcm.received] == ["phone"]


async def test_without_a_device_nobody_is_told(
    notifications: Notifications, devices: Devices, fcm: Receiver
) -> None:
    assert await told(notifications, NOTIFICATION) == NotWanted(Reason.NO_DEVICE)
    await devices.add(TABLET)
    assert await told(notifications, to(PHONE)) == NotWanted(Reason.NO_DEVICE)
    assert fcm.received == []


async def test_a_device_that_is_gone_is_forgotten_and_the_others_stay(
    notifications: Notifications, devices: Devices, fcm: Receiver
) -> None:
    await devices.add(PHONE)
    await devices.add(TABLET)
    fcm.respond = answering(404, body=UNREGISTERED)
    assert await told(notifications, to(PHONE)) == NotWanted(Reason.DEVICE_GONE)
    assert await devices.of("u") == (TABLET,)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, refusal(400, "INVALID_ARGUMENT", fields=["message.data[0].key"])),
        (403, refusal(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")),
        (404, b"<html>no such page</html>"),
        (503, refusal(503, "UNAVAILABLE", "UNAVAILABLE")),
    ],
)
async def test_whatever_else_fails_no_device_is_forgotten(
    notifications: Notifications, devices: Devices, fcm: Receiver, status: int, body: bytes
) -> None:
    await devices.add(PHONE)
    fcm.respond = answering(status, body=body)
    end = await told(notifications, NOTIFICATION)
    assert not isinstance(end, Returned | NotWanted)
    assert await devices.of("u") == (PHONE,)


async def test_where_devices_cannot_be_looked_up_or_forgotten_the_queue_calls_again(fcm: Receiver) -> None:
    class Away:
        known: tuple[Device, ...] | None = None

        async def add(self, device: Device) -> None:
            raise StoreUnavailable("away")

        async def of(self, uid: str) -> tuple[Device, ...]:
            if self.known is None:
                raise StoreUnavailable("away")
            return self.known

        async def remove(self, uid: str, device_id: str) -> bool:
            raise StoreUnavailable("away")

        async def erase(self, owner: str, *, dry_run: bool = False) -> int:
            raise StoreUnavailable("away")

    devices = Away()
    fcm.respond = answering(404, body=UNREGISTERED)
    async with HttpLane(FCM) as lane:
        notifications = Notifications(devices, Fcm(lane, None, url=fcm.url, project="p", clock=Clock()))
        with pytest.raises(StoreUnavailable):
            await told(notifications, NOTIFICATION)
        devices.known = (PHONE,)
        with pytest.raises(StoreUnavailable):
            await told(notifications, NOTIFICATION)


async def test_an_attempt_is_over_at_its_deadline(devices: Devices) -> None:
    await devices.add(PHONE)
    async with receiver(taken) as fcm, HttpLane(FCM) as lane:
        notifications = Notifications(devices, Fcm(lane, None, url=fcm.url, project="p", clock=Clock()))
        end = await notifications(NOTIFICATION, Delivery(id="msg_1", attempt=1, deadline=0.0))
    assert isinstance(end, TargetFailed)
    assert fcm.received == []


async def test_each_user_of_many_is_told_by_a_task_of_their_own() -> None:
    (task,) = BulkNotification.of(["a", "b"], event="e1", subject="s", title="t", body="b")
    assert await each_notified(task, DELIVERY) == Returned(then=task.each())
