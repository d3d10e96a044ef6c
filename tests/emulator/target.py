"""A target without a socket: it answers dispatches as told and keeps what it received."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from emulator import Clock, End, HttpRequest, Response


class Target:
    """A sender that answers with `ends` in turn, then 200; an exception among them is raised."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._news = asyncio.Condition()
        self._ends: list[End | Exception] = []
        self.is_holding = False  # while set, requests are received and not answered
        self.requests: list[HttpRequest] = []
        self.times: list[float] = []
        self.deadlines: list[float] = []
        self.cancelled = 0

    def will_answer(self, ends: Iterable[End | int | Exception]) -> None:
        self._ends.extend(Response(end) if isinstance(end, int) else end for end in ends)

    async def send(self, request: HttpRequest, deadline: float) -> End:
        self.requests.append(request)
        self.times.append(self._clock.now())
        self.deadlines.append(deadline)
        try:
            async with self._news:
                self._news.notify_all()
                await self._news.wait_for(lambda: not self.is_holding)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        end = self._ends.pop(0) if self._ends else Response(200)
        if isinstance(end, Exception):
            raise end
        return end

    async def release(self) -> None:
        async with self._news:
            self.is_holding = False
            self._news.notify_all()

    async def received(self, count: int) -> list[HttpRequest]:
        """The requests, once there are `count` of them."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    def names(self) -> list[str]:
        """The ids of the tasks received, in order."""
        return [request.headers["X-CloudTasks-TaskName"] for request in self.requests]
