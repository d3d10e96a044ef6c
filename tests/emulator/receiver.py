"""An HTTP server on a real socket that answers as told and keeps what it received."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came. `headers` are those of the wire, in the sender's case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Answers with `answers` in turn, then 200, and with `answer_headers`.

    A redirect points at the first of `locations`, which leaves; without one it points nowhere.
    """

    def __init__(self) -> None:
        self._news = asyncio.Condition()
        self._answers: list[int] = []
        self.answer_body = b""
        self.answer_headers: dict[str, str] = {}
        self.locations: list[str] = []
        self.is_holding = False  # while set, requests are received and not answered
        self.requests: list[Received] = []
        self.connections = set[str]()
        self.url = ""

    def will_answer(self, answers: Iterable[int]) -> None:
        self._answers.extend(answers)

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.decode(): value.decode() for name, value in request.raw_headers}
        received = Received(request.method, request.raw_path, headers, await request.read())
        self.connections.add(str(request.transport and request.transport.get_extra_info("peername")))
        async with self._news:
            self.requests.append(received)
            self._news.notify_all()
            await self._news.wait_for(lambda: not self.is_holding)
        status = self._answers.pop(0) if self._answers else 200
        headers = dict(self.answer_headers)
        if 300 <= status < 400 and self.locations:
            headers["Location"] = self.locations.pop(0)
        return web.Response(status=status, headers=headers, body=self.answer_body)

    async def release(self) -> None:
        async with self._news:
            self.is_holding = False
            self._news.notify_all()

    async def received(self, count: int) -> list[Received]:
        """The requests, once there are `count` of them."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)
        return self.requests


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver at `receiver.url`, which ends without a slash."""
    receiver = Receiver()
    app = web.Application(client_max_size=2**21)
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
