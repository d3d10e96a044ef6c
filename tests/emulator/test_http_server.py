"""The socket under the HTTP port."""

from __future__ import annotations

import socket

import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from emulator.http_server import HttpServer


async def test_an_answer_is_not_held_back_for_the_callers_acknowledgement() -> None:
    """Without TCP_NODELAY the body waits for the client's delayed ACK of the headers: 40 ms an answer."""
    server = HttpServer("127.0.0.1", 0)
    port = server.bind()
    await server.open(Starlette(routes=[Route("/", lambda _: PlainTextResponse("hello"))]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/")).text == "hello"
        connections = server._server.server_state.connections
        accepted = [each.transport.get_extra_info("socket") for each in connections]
        delays = [each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in accepted]
        assert delays == [1]
    await server.aclose()
