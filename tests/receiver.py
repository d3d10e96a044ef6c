"""A real HTTP server on loopback that answers as a test says and keeps what it got."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Received:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


Respond = Callable[[Received], Awaitable[web.Response]]


@dataclass(slots=True)
class Receiver:
    url: str
    respond: Respond
    received: list[Received] = field(default_factory=list)


async def accept(_: Received) -> web.Response:
    return web.Response(status=200)


def answering(
    status: int, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Callable[[Received], Awaitable[web.Response]]:
    async def respond(_: Received) -> web.Response:
        return web.Response(status=status, headers=headers, body=body)

    return respond


@asynccontextmanager
async def receiver(respond: Respond = accept) -> AsyncIterator[Receiver]:
    """Serve until the block ends; `respond` may be exchanged on the way."""
    running = Receiver(url="", respond=respond)

    async def handle(request: web.Request) -> web.Response:
        got = Received(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        running.received.append(got)
        return await running.respond(got)

    app = web.Application(client_max_size=32 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    running.url = f"http://{host}:{port}"
    try:
        yield running
    finally:
        await runner.cleanup()
