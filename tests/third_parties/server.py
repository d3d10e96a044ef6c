"""A third party on loopback: its routes as documented, and faults that come instead of answers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """`faults` happen to the first requests, one each; the last of them stays where `lasting` is set."""

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    lasting: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path, in the order of their arrival."""
    held: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    """Can be acquired once for each request that hangs."""
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def hang(self, _: web.Request) -> web.StreamResponse:
        """Answer nothing until released."""
        self.held.release()
        await self.release.wait()
        return web.Response(status=500)


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Fault:
    async def fault(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    return fault


async def garbage(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<html>\xff not what you asked for", content_type="application/json")


async def reset(request: web.Request) -> web.StreamResponse:
    """The connection ends with a RST."""
    assert request.transport is not None
    open_socket: socket.socket = request.transport.get_extra_info("socket")
    open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def serving(routes: Mapping[tuple[str, str], Handle]) -> AsyncIterator[Server]:
    """Serve these (method, path) until the block ends."""
    server = Server()

    @web.middleware
    async def before(request: web.Request, handler: Handle) -> web.StreamResponse:
        server.requests.append((request.method, request.path))
        if server.faults:
            fault = server.faults[0] if server.lasting else server.faults.pop(0)
            return await fault(request)
        return await handler(request)

    app = web.Application(middlewares=[before])
    for (method, path), handle in routes.items():
        app.router.add_route(method, path, handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        server.release.set()
        await runner.cleanup()
