"""No error of aiohttp, of TLS or of the system gets out of a lane as it is."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import client_exceptions, http_exceptions

from lanes import ConnectFailed, EgressRefused, ExchangeFailed
from lanes.transport import translating


def _subclasses(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    yield kind
    for subclass in kind.__subclasses__():
        yield from _subclasses(subclass)


FOREIGN = sorted(
    {
        *_subclasses(aiohttp.ClientError),
        *_subclasses(http_exceptions.HttpProcessingError),
        RuntimeError,
        *(
            kind
            for kind in _subclasses(OSError)
            if kind.__module__.partition(".")[0] in ("builtins", "ssl", "socket", "asyncio", "aiohttp")
        ),
    },
    key=lambda kind: kind.__name__,
)
BEFORE_THE_REQUEST = {
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorDNSError,
    aiohttp.ClientConnectorSSLError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.ClientSSLError,
    aiohttp.ConnectionTimeoutError,
    client_exceptions.InvalidURL,
    client_exceptions.InvalidUrlClientError,
    client_exceptions.InvalidUrlRedirectClientError,
    client_exceptions.UnixClientConnectorError,
}


def test_the_list_knows_what_there_is() -> None:
    public = {
        kind
        for kind in vars(aiohttp).values()
        if isinstance(kind, type) and issubclass(kind, aiohttp.ClientError)
    }
    assert public <= set(FOREIGN)
    assert {ssl.SSLCertVerificationError, socket.gaierror, TimeoutError} <= set(FOREIGN)
    assert set(FOREIGN) >= BEFORE_THE_REQUEST


@pytest.mark.parametrize("kind", FOREIGN)
def test_every_foreign_error_becomes_one_of_ours(kind: type[BaseException]) -> None:
    class Silent(kind):  # type: ignore[valid-type, misc]
        """One of them, without the arguments that it wants."""

        def __init__(self) -> None:
            pass

        def __str__(self) -> str:
            return ""

    expected = ConnectFailed if kind in BEFORE_THE_REQUEST else ExchangeFailed
    with pytest.raises(expected, match=r"user\.example.*Silent") as caught, translating("user.example"):
        raise Silent
    assert type(caught.value) is expected
    assert isinstance(caught.value.__cause__, kind)


def test_what_the_guard_said_wins_over_how_aiohttp_put_it() -> None:
    said = EgressRefused("10.0.0.1 is not a public address")
    refused = PermissionError("refused")
    refused.__cause__ = said
    error = aiohttp.ClientOSError("no connection")
    error.__cause__ = refused
    with pytest.raises(EgressRefused) as caught, translating("user.example"):
        raise error
    assert caught.value is said


@pytest.mark.parametrize("kind", [asyncio.CancelledError, KeyboardInterrupt, ValueError])
def test_what_is_no_failure_of_the_target_passes(kind: type[BaseException]) -> None:
    with pytest.raises(kind), translating("user.example"):
        raise kind
