"""Carries a test's dispatches and pushes to the app that it names, and keeps them; it judges no answer."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from emulator.embedded import AsgiApp, EmbeddedSender
from emulator.engine.clock import Clock
from emulator.engine.exchange import End, Failure, FailureReason, HttpRequest, Response

MAX_RECEIVED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request that was delivered, and how it ended."""

    request: HttpRequest
    end: End

    @property
    def status(self) -> int | None:
        """The answer's HTTP status; None where there was no answer."""
        return self.end.status if isinstance(self.end, Response) else None


class Deliveries:
    """Hands requests to the latest target; before there is one, they are held.

    `received` keeps the latest 10,000 that ended, in the order in which they did.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = asyncio.Event()
        self._targets: list[EmbeddedSender] = []
        self._is_over = False
        self.received: deque[Received] = deque(maxlen=MAX_RECEIVED)

    @property
    def has_target(self) -> bool:
        return bool(self._targets)

    def deliver_to(self, app: AsgiApp) -> None:
        """To this ASGI app from now on, what is held included."""
        self._targets.append(EmbeddedSender(app, clock=self._clock))
        self._changed.set()

    async def send(self, request: HttpRequest, deadline: float) -> End:
        await self._changed.wait()
        if self._is_over:
            return Failure(FailureReason.UNREACHABLE, "the test is over")
        end = await self._targets[-1].send(request, deadline)
        self.received.append(Received(request=request, end=end))
        return end

    async def aclose(self) -> None:
        """Let go what is held, and cancel what apps still do."""
        self._is_over = True
        self._changed.set()
        for target in self._targets:
            await target.aclose()


class ByService:
    """A sender that knows tasks from pushes."""

    def __init__(self, tasks: Deliveries, pushes: Deliveries) -> None:
        self._tasks = tasks
        self._pushes = pushes

    async def send(self, request: HttpRequest, deadline: float) -> End:
        deliveries = self._pushes if "/subscriptions/" in request.source else self._tasks
        return await deliveries.send(request, deadline)
