"""A push endpoint without a socket: it answers as told and keeps what it received."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from emulator.engine.clock import Clock
from emulator.engine.exchange import End, Failure, FailureReason, HttpRequest, Response

UNREACHABLE = 0
DEFECT = -1


class Endpoint:
    """A sender that answers with `answers` in turn, then 204; UNREACHABLE is no answer, DEFECT a bug."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._news = asyncio.Condition()
        self._answers: list[int] = []
        self.is_holding = False  # while set, requests are received and not answered
        self.requests: list[HttpRequest] = []
        self.deadlines: list[float] = []
        self.times: list[float] = []

    def will_answer(self, answers: Iterable[int]) -> None:
        self._answers.extend(answers)

    async def send(self, request: HttpRequest, deadline: float) -> End:
        self.requests.append(request)
        self.deadlines.append(deadline)
        self.times.append(self._clock.now())
        async with self._news:
            self._news.notify_all()
            await self._news.wait_for(lambda: not self.is_holding)
        answer = self._answers.pop(0) if self._answers else 204
        if answer == UNREACHABLE:
            return Failure(FailureReason.UNREACHABLE, f"{request.url} refused")
        if answer == DEFECT:
            raise RuntimeError("a defect")
        return Response(answer)

    async def release(self) -> None:
        async with self._news:
            self.is_holding = False
            self._news.notify_all()

    async def received(self, count: int) -> list[HttpRequest]:
        """The requests, once there are `count` of them."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)
        return self.requests
