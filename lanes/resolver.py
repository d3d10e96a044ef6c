"""Turns the host name of a request into addresses, within a deadline; it never blocks the loop.

One address that must not be reached refuses the name: an answer that mixes good and bad ones is an attack or
a mistake.
"""

from __future__ import annotations

import asyncio
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from lanes.egress import EgressPolicy, check_address, parse_address


class GuardedResolver(AbstractResolver):
    """Another resolver, with a deadline in seconds and the egress policy applied to what it finds."""

    def __init__(self, inner: AbstractResolver, deadline: float, egress: EgressPolicy | None) -> None:
        self._inner = inner
        self._deadline = deadline
        self._egress = egress

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError, or EgressRefused."""
        try:
            async with asyncio.timeout(self._deadline):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError as error:
            raise OSError(None, f"{host} was not resolved within {self._deadline:g} s") from error
        if self._egress is not None:
            for result in found:
                check_address(parse_address(result["host"]), self._egress)
        return found

    async def close(self) -> None:
        await self._inner.close()
