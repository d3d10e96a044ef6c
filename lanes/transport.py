"""The one module that chooses what carries lanes' HTTP: httpx is what callers see, aiohttp does the work.

httpx's own pool collapses under dozens of requests in flight. aiohttp's connector also has the seam that an
egress guard needs: it asks for a socket with the address in hand that it is about to connect to.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import AsyncResolver
from httpx_aiohttp import AiohttpTransport

from lanes.egress import EgressPolicy, check_address, parse_address
from lanes.errors import ConnectFailed, EgressRefused, ExchangeFailed

E = TypeVar("E", bound=BaseException)

MAX_HEADERS = 128
MAX_HEADER_BYTES = 8190
_CACHED_NAMES = 1000
_CACHED_FOR = 10  # seconds; every connection is checked again, so an old address costs nothing but itself
_READ_BUFFER = 65_536  # bytes of an answer that wait for their reader, for each connection


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """Durations are seconds."""

    connect_timeout: float
    """For resolving the name, and again for each address that is tried."""
    max_connections: int
    keepalive: float
    """How long an idle connection is kept; 0 uses each one once."""
    egress: EgressPolicy | None
    """None for targets of ours, whose addresses are private."""
    tls: ssl.SSLContext | None = None
    """None is the usual one: certificates and names are verified."""


def open_client(
    settings: TransportSettings, *, resolver: Callable[[], AbstractResolver] = AsyncResolver
) -> httpx.AsyncClient:
    """A client that follows no redirect, reads no proxy variable, keeps no cookie, asks for no compression.

    Call it on the event loop that will use it. `resolver` makes what turns names into addresses; it must not
    block, and must not use the loop's default executor.
    """
    guarded = _Resolver(resolver(), settings.connect_timeout, settings.egress)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=settings.max_connections,
            resolver=guarded,
            socket_factory=_sockets(settings.egress),
            ssl=settings.tls or True,
            ttl_dns_cache=_CACHED_FOR,
            dns_cache_max_size=_CACHED_NAMES,
            **({"keepalive_timeout": settings.keepalive} if settings.keepalive else {"force_close": True}),
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            read_bufsize=_READ_BUFFER,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )

    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session, verify=False),  # the session's connector verifies
        timeout=httpx.Timeout(None, connect=settings.connect_timeout),
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "Sidelane"},
    )


@contextmanager
def translating(host: str) -> Iterator[None]:
    """The one place where what goes wrong in httpx and aiohttp becomes an error of ours."""
    try:
        yield
    except (httpx.HTTPError, aiohttp.ClientError, ConnectionError) as error:  # some pass httpx untranslated
        refused = _cause(error, EgressRefused)
        if refused is not None:
            raise refused from error
        if _is_before_the_request(error):
            raise ConnectFailed(f"no connection to {host}: {_innermost(error)}") from error
        raise ExchangeFailed(f"exchange with {host} broke: {_innermost(error)}") from error


def _is_before_the_request(error: Exception) -> bool:
    # The transport reports a connection that breaks in the middle of an answer as a connect timeout, too.
    by_aiohttp = _cause(error, aiohttp.ClientError)
    if by_aiohttp is not None:
        return isinstance(by_aiohttp, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol)


def _cause(error: BaseException, kind: type[E]) -> E | None:
    """The outermost error of this kind in the chain of causes."""
    link: BaseException | None = error
    while link is not None and not isinstance(link, kind):
        link = link.__cause__ or link.__context__
    return link


def _innermost(error: BaseException) -> str:
    while (cause := error.__cause__) is not None:
        error = cause
    return str(error) or type(error).__name__


class _Resolver(AbstractResolver):
    """Resolves within a deadline; one address that must not be reached refuses the name."""

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


def _sockets(egress: EgressPolicy | None) -> Callable[[Any], socket.socket]:
    """Makes the socket of a connection, once its address may be reached."""

    def make(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = address
        if egress is not None:
            check_address(ip_address(place[0]), egress)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make
