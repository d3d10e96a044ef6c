"""Listens on one gRPC port; it knows nothing of the services behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc.aio

from emulator.errors import PortInUseError

_CALL_GRACE = 1.0
"""Seconds in which calls under way may end when the server closes."""


class GrpcServer:
    """Bind first, to know the address; then `open` with the services."""

    def __init__(
        self, service: str, host: str, port: int, *, options: Sequence[tuple[str, Any]] = ()
    ) -> None:
        """`service` names it where the port is taken; `options` are gRPC's channel arguments."""
        self._service = service
        self._host = host
        self._port = port
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0), *options])
        self._is_started = False

    def bind(self) -> int:
        """Take the port and return it; callers are kept waiting until `open`. Raises PortInUseError."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        try:
            return self._server.add_insecure_port(f"{host}:{self._port}")
        except RuntimeError as exc:
            raise PortInUseError(self._service, self._host, self._port, "cannot bind") from exc

    async def unbind(self) -> None:
        """Give the port back, where nothing serves on it; harmless elsewhere."""
        if not self._is_started:
            await self._server.start()  # gRPC lets go the ports of a server that has run, and of no other
            await self._server.stop(None)

    async def open(self, add_services: Callable[[grpc.aio.Server], None]) -> None:
        """Serve what `add_services` adds, from now on."""
        add_services(self._server)
        self._is_started = True
        await self._server.start()

    async def aclose(self) -> None:
        """Take no more calls; those under way have a second to end."""
        await self._server.stop(_CALL_GRACE)
