"""Holds one queue as it runs: what is on disk of it, and the state of its dispatch; it does no I/O."""

from __future__ import annotations

from emulator.engine.dispatch_queue import DispatchQueue
from emulator.engine.last_minute import LastMinute
from emulator.tasks.messages import PAUSED, Pb
from emulator.tasks.queue_resource import settings_of


class LiveQueue:
    """`message` is the Queue as committed; `settings` and `dispatch` follow it.

    `executed` counts the attempts that got a reply.
    """

    def __init__(self, key: int, message: Pb, *, now: float) -> None:
        self.key = key
        self.message = message
        self.executed = LastMinute()
        self.settings = settings_of(message)
        self.dispatch = DispatchQueue(self.settings.rate_limits, paused=message.state == PAUSED, now=now)

    @property
    def name(self) -> str:
        return str(self.message.name)

    def follow(self, committed: Pb, *, now: float) -> None:
        """The queue on disk changed to this message."""
        self.message = committed
        settings = settings_of(self.message)
        if settings.rate_limits != self.settings.rate_limits:
            self.dispatch.change(settings.rate_limits, now=now)
        self.settings = settings
        self.dispatch.paused = self.message.state == PAUSED
