"""The one module that chooses what carries lanes' HTTP: httpx's values outside, aiohttp's connections inside.

httpx's own pool collapses under dozens of requests in flight. aiohttp's connector also has the seam that an
egress guard needs: it asks for a socket with the address in hand that it is about to connect to. It follows
no redirect, reads no proxy variable, keeps no cookie and decodes no body.
"""

from __future__ import annotations

import asyncio
import errno
import io
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import aiohttp
import httpx
import yarl
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import AsyncResolver

from lanes.egress import EgressPolicy, check_address
from lanes.errors import ConnectFailed, EgressRefused, ExchangeFailed, LaneClosed, LaneError
from lanes.resolver import GuardedResolver

MAX_HEADERS = 128
MAX_HEADER_BYTES = 8190
_CACHED_NAMES = 1000
_READ_BUFFER = 65_536  # bytes of an answer that wait for their reader, for each connection
_AT_ONCE = 65_536  # bytes of a request that aiohttp is given as such; more is sent piece by piece
_FOREIGN = (
    aiohttp.ClientError,
    aiohttp.http.HttpProcessingError,
    OSError,
    RuntimeError,  # uvloop's, for a socket that is closed already
)
_NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


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
    names_kept: int = 10
    """How long an address is used again; each connection to it is checked anew all the same."""
    unread_timeout: float = 30.0
    """After which the kernel gives up on a target that reads nothing of what it is sent (RFC 5482).

    The request has long ended by its deadline; this is for the socket, which lives on until all is sent.
    """


def open_transport(
    settings: TransportSettings, *, resolver: Callable[[], AbstractResolver] = AsyncResolver
) -> httpx.AsyncBaseTransport:
    """Call it on the event loop that will use it.

    `resolver` makes what turns names into addresses; it must not block, and must not use the loop's default
    executor.
    """
    return _AiohttpTransport(settings, GuardedResolver(resolver(), settings.connect_timeout, settings.egress))


class _AiohttpTransport(httpx.AsyncBaseTransport):
    """Raises ConnectFailed, ExchangeFailed or EgressRefused, and nothing of aiohttp's.

    aiohttp sends an idempotent request a second time, on a new connection, when the first one breaks before
    an answer (RFC 9110, 9.2.2); nothing else is ever sent twice.
    """

    def __init__(self, settings: TransportSettings, resolver: AbstractResolver) -> None:
        self._resolver = resolver
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=settings.max_connections,
                resolver=resolver,
                socket_factory=_sockets(settings),
                ssl=settings.tls or True,
                ttl_dns_cache=settings.names_kept,
                dns_cache_max_size=_CACHED_NAMES,
                **(
                    {"keepalive_timeout": settings.keepalive} if settings.keepalive else {"force_close": True}
                ),
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            read_bufsize=_READ_BUFFER,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        content = request.read()
        with translating(host), self._closing():
            response = await self._session.request(
                request.method,
                yarl.URL(str(request.url), encoded=True),
                headers=[
                    (name.decode("ascii"), value.decode("ascii")) for name, value in request.headers.raw
                ],
                data=(content if len(content) <= _AT_ONCE else io.BytesIO(content)) or None,
                allow_redirects=False,
            )
        if not 200 <= response.status <= 599:
            response.close()
            raise ExchangeFailed(f"exchange with {host} broke: {response.status} is no final status")
        return httpx.Response(
            response.status, headers=response.raw_headers, stream=_Body(response, host), request=request
        )

    async def aclose(self) -> None:
        await self._session.close()
        await self._resolver.close()

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """What a request meets that is overtaken by `aclose`: aiohttp cancels its name's resolution."""
        try:
            yield
        except (RuntimeError, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if not self._session.closed or (task is not None and task.cancelling()):
                raise
            raise LaneClosed("the lane was closed before the request was sent") from error


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, host: str) -> None:
        self._response = response
        self._host = host

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with translating(self._host):
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        """Never waits: a body left before its end costs the connection."""
        self._response.close()


@contextmanager
def translating(host: str) -> Iterator[None]:
    """The one place where what goes wrong in aiohttp becomes an error of ours."""
    try:
        yield
    except _FOREIGN as error:
        refused = _lane_error(error)
        if refused is not None:
            raise refused from error
        if isinstance(error, _NO_CONNECTION):
            raise ConnectFailed(f"no connection to {host}: {_detail(error)}") from error
        raise ExchangeFailed(f"exchange with {host} broke: {_detail(error)}") from error


def _lane_error(error: BaseException | None) -> LaneError | None:
    """What the guard said of an address: aiohttp chains it to an error of its own."""
    while error is not None and not isinstance(error, LaneError):
        error = error.__cause__ or error.__context__
    return error


def _detail(error: BaseException | None) -> str:
    """What the innermost cause says that says anything."""
    detail = type(error).__name__
    while error is not None:
        detail = str(error) or detail
        error = error.__cause__
    return detail


def _sockets(settings: TransportSettings) -> Callable[[Any], socket.socket]:
    """Makes the socket of a connection, once its address may be reached."""

    def make(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = address
        if settings.egress is not None:
            try:
                check_address(ip_address(place[0]), settings.egress)
            except EgressRefused as error:  # as an OSError, which is all that aiohttp expects here
                raise PermissionError(errno.EACCES, str(error)) from error
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux has it
            milliseconds = int(1000 * settings.unread_timeout)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        return made

    return make
