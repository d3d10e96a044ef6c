"""Runs an ASGI app on a socket inside the emulator's event loop; it knows nothing of what the app does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.applications import Starlette

from emulator.errors import PortInUseError

_BACKLOG = 2048
_STOP_GRACE = 2
"""Seconds in which requests under way may end."""


class _Server(uvicorn.Server):
    """uvicorn without the process's signals, which belong to whoever runs the emulator."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Renew the Date header each second until `stop`; uvicorn's own loop looks ten times a second."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=1.0)

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()


class HttpServer:
    """Bind first, to know the address; then `open` with the app."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def bind(self) -> int:
        """Take the port and return it; callers are kept waiting until `open`. Raises PortInUseError."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((self._host, self._port))
            self._socket.listen(_BACKLOG)
        except OSError as exc:
            self._socket.close()
            raise PortInUseError("HTTP", self._host, self._port, exc.strerror or str(exc)) from exc
        return int(self._socket.getsockname()[1])

    def unbind(self) -> None:
        """Give the port back, where nothing serves on it; harmless elsewhere."""
        self._socket.close()

    async def open(self, app: Starlette) -> None:
        """Serve from now on."""
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_STOP_GRACE
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def aclose(self) -> None:
        """Stop listening; requests under way have two seconds to end."""
        self._server.stop()
        await self._serving
