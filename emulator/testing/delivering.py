"""What both fixtures do alike: hand what the emulator sends to an app, keep it, wait until all is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from emulator.embedded import AsgiApp
from emulator.emulator import Emulator
from emulator.errors import NotIdleError
from emulator.testing.deliveries import Deliveries, Received


class Delivering(ABC):
    """One service of the emulator of one test, and where it delivers to."""

    project = "sidelane-test"
    _nowhere_to_go: ClassVar[str]
    """Says what to call where something waits and no app takes it."""

    def __init__(self, emulator: Emulator, deliveries: Deliveries) -> None:
        self.emulator = emulator
        self._deliveries = deliveries

    @property
    def received(self) -> Sequence[Received]:
        """What was delivered and how it ended, in that order, the latest 10,000."""
        return tuple(self._deliveries.received)

    def deliver_to(self, app: AsgiApp) -> None:
        """Hand tasks, or pushes, to this ASGI app, whatever host they name. Until then they are held."""
        self._deliveries.deliver_to(app)

    async def drain(self, *, timeout: float = 30.0) -> None:
        """Return once every task is done or dead and every message is pushed; pulls are left alone.

        With the `virtual_time` fixture no time is waited for. Raises NotIdleError after `timeout` seconds of
        real time, naming what still waits, or at once where something waits and has nowhere to go.
        """
        if not self._deliveries.has_target:
            waiting = await self._waiting()
            if waiting:
                raise NotIdleError(self._nowhere_to_go, waiting)
        await self.emulator.drain(timeout=timeout)

    @abstractmethod
    async def _waiting(self) -> list[str]:
        """The names of what has something to deliver."""
