"""The devices in Firestore: one document for each token."""

from __future__ import annotations

from pydantic import TypeAdapter

from stores.devices import MAX_DEVICES, Device
from stores.firestore.collection import Collection, Document

NAME = "sidelane_devices"

_DEVICE = TypeAdapter(Device)


class FirestoreDevices:
    """Implements `stores.devices.Devices`."""

    def __init__(self, devices: Collection) -> None:
        self._devices = devices

    async def add(self, device: Device) -> None:
        document = Document(
            {"uid": device.uid, "device": device.id, "value": _DEVICE.dump_json(device).decode()}
        )
        await self._devices.change(device.digest, lambda _: (document, None))
        # Two that are added at once may both find one too many: they drop the same one.
        for one in (await self.of(device.uid))[MAX_DEVICES:]:
            await self._drop(one)

    async def of(self, uid: str) -> tuple[Device, ...]:
        found = [_device(each) for each in await self._devices.find(self._devices.where(uid=uid))]
        found.sort(key=lambda device: device.digest)
        return tuple(sorted(found, key=lambda device: device.added_at, reverse=True))

    async def remove(self, uid: str, device_id: str) -> bool:
        return await self._devices.remove(self._devices.where(uid=uid, device=device_id)) > 0

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._devices.erase(self._devices.where(uid=owner), dry_run=dry_run)

    async def _drop(self, device: Device) -> None:
        """Forget this very record: not one that was told anew meanwhile."""
        await self._devices.change(
            device.digest, lambda found: (None if found and _device(found) == device else found, None)
        )


def _device(found: Document) -> Device:
    return _DEVICE.validate_json(found.fields["value"])
