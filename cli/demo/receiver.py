"""The developers' servers of the demo: one local server that answers as each kind does, and counts.

It recognises no repetition: whatever is delivered twice is taken twice, and shows up as a duplicate.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from cli.demo.endpoints import BREAKABLE, EndpointKind

SLOW_SECONDS = 5.0
FLAKY_FAILURES = 2
MAX_BODY_BYTES = 4 * 1024 * 1024
"""A larger body is answered 413."""

_DELIVERY_ID = "webhook-id"


@dataclass(frozen=True, slots=True)
class Receipts:
    """What has arrived so far."""

    requests: int
    """Requests with a delivery id, whatever they were answered."""
    delivered: frozenset[str]
    """Delivery ids that were answered 2xx."""
    duplicates: int
    """Requests that were answered 2xx although their delivery id had been before."""


class Receiver:
    """Listens at 127.0.0.1, on `/{kind}/{anything}`, inside an `async with` block."""

    url: str
    """Base URL; its port is any that was free."""

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._repaired = False
        self._requests: dict[EndpointKind, Counter[str]] = {kind: Counter() for kind in EndpointKind}
        self._accepted: dict[EndpointKind, Counter[str]] = {kind: Counter() for kind in EndpointKind}

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/{kind}/{event}", self._receive)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def repair(self) -> None:
        """From now on the dead and the gone endpoint answer 200."""
        self._repaired = True

    def receipts(self, kind: EndpointKind) -> Receipts:
        accepted = self._accepted[kind]
        return Receipts(
            requests=self._requests[kind].total(),
            delivered=frozenset(accepted),
            duplicates=accepted.total() - len(accepted),
        )

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            kind = EndpointKind(request.match_info["kind"])
        except ValueError:
            raise web.HTTPNotFound from None
        delivery_id = request.headers.get(_DELIVERY_ID)
        if not delivery_id:
            raise web.HTTPBadRequest(text=f"the header {_DELIVERY_ID} is missing")
        await request.read()
        self._requests[kind][delivery_id] += 1
        status = await self._answer(kind, self._requests[kind][delivery_id])
        if status < 300:
            self._accepted[kind][delivery_id] += 1
        return web.Response(status=status)

    async def _answer(self, kind: EndpointKind, nth: int) -> int:
        if self._repaired and kind in BREAKABLE:
            return 200
        match kind:
            case EndpointKind.GOOD:
                return 200
            case EndpointKind.SLOW:
                await self._sleep(SLOW_SECONDS)
                return 200
            case EndpointKind.FLAKY:
                return 503 if nth <= FLAKY_FAILURES else 200
            case EndpointKind.DEAD:
                return 500
            case EndpointKind.GONE:
                return 410
