"""A proxy that keeps what passes through it: the calls that a provider makes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    """With its query."""
    body: Any


@dataclass(slots=True)
class Recorder:
    url: str = ""
    calls: list[Call] = field(default_factory=list)

    def changes(self) -> list[Call]:
        """Every call that does not only read, since the last time that this was asked."""
        found = [call for call in self.calls if call.method != "GET"]
        self.calls.clear()
        return found


@asynccontextmanager
async def recorder(target: str) -> AsyncIterator[Recorder]:
    """Pass everything on to `target`, a base URL, until the block ends."""
    running = Recorder()
    async with aiohttp.ClientSession() as session:

        async def pass_on(request: web.Request) -> web.Response:
            body = await request.read()
            running.calls.append(Call(request.method, request.path_qs, json.loads(body) if body else None))
            async with session.request(
                request.method,
                target + request.path_qs,
                data=body,
                headers={"Content-Type": "application/json"},
            ) as answer:
                return web.Response(
                    status=answer.status, body=await answer.read(), content_type=answer.content_type
                )

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", pass_on)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            running.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield running
        finally:
            await runner.cleanup()
