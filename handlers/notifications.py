"""Runs notifications: one message to each device of a user. A device that is gone is forgotten."""

from __future__ import annotations

from contracts import BulkNotification, Notification
from handlers.delivery import End, NotWanted, Reason, Returned
from handlers.effect import Delivery
from handlers.fcm import Fcm
from handlers.fcm_message import DeviceGone
from stores import Devices


class Notifications:
    """The effect of `Notification`.

    Several devices become one task each, so that what one of them lets fail repeats for no other; one device
    is sent to at once. A device that FCM does not know any more is removed, and its task is over.
    """

    def __init__(self, devices: Devices, fcm: Fcm) -> None:
        self._devices = devices
        self._fcm = fcm

    async def __call__(self, task: Notification, delivery: Delivery) -> End:
        known = await self._devices.of(task.uid)
        meant = [device for device in known if task.device in (None, device.id)]
        if not meant:
            return NotWanted(Reason.NO_DEVICE)
        if len(meant) > 1:
            return Returned(then=tuple(task.model_copy(update={"device": device.id}) for device in meant))
        (device,) = meant
        end = await self._fcm.send(task, device.token, deadline=delivery.deadline)
        if isinstance(end, DeviceGone):
            await self._devices.remove(task.uid, device.id)
            return NotWanted(Reason.DEVICE_GONE)
        return end


async def each_notified(task: BulkNotification, _: Delivery) -> End:
    """The effect of `BulkNotification`: one `Notification` a user, many of them enqueued at a time."""
    return Returned(then=task.each())
