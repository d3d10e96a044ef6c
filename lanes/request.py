"""What a lane is asked to send, checked and put into httpx's form; it sends nothing.

All that could go wrong with a request before it is sent goes wrong here, so that it costs no place and no
connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from lanes.errors import BadRequest, BadUrl

_FIXED = {"Accept-Encoding": "identity", "User-Agent": "Sidelane"}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_FRAMING = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send. `params` are merged into the query that the URL already has."""

    method: str
    url: str
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    """ASCII; the lane adds what frames the content, and asks for it uncompressed."""
    content: bytes = b""
    deadline: float | None = None
    """Seconds for everything: waiting for a place, connecting, sending, reading. None: the lane's own."""
    target: str | None = None
    """Whose breaker and places these are; None: the URL's origin."""


def wired(request: Request, more_headers: Mapping[str, str]) -> httpx.Request:
    """Raises BadUrl or BadRequest."""
    if _TOKEN.fullmatch(request.method) is None:
        raise BadRequest(f"method {request.method[:60]!r} is not a token, as GET or POST are")
    headers = {**_FIXED, **(request.headers or {}), **more_headers}
    for name, value in headers.items():
        _check_header(name, value)
    stream = httpx.ByteStream(request.content)  # as content=…, but the transport adds Host and Content-Length
    return httpx.Request(request.method, _url(request), headers=headers, stream=stream)


def origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _check_header(name: str, value: str) -> None:
    if _TOKEN.fullmatch(name) is None:
        raise BadRequest(f"header name {name[:60]!r} is not a token, as Content-Type is")
    if _VALUE.fullmatch(value) is None:
        raise BadRequest(f"header {name}'s value holds more than visible ASCII: encode it")
    if name.lower() in _FRAMING:
        raise BadRequest(f"header {name} is the lane's to set: leave it out")


def _url(request: Request) -> httpx.URL:
    try:
        url = _with_params(request.url, request.params)
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise BadUrl(f"URL cannot be parsed: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadUrl("URL must be absolute, with http or https and a host")
    if url.port is not None and not 0 < url.port < 65536:
        raise BadUrl(f"URL's port {url.port} does not exist: use one of 1 to 65535")
    return url


def _with_params(url: str, params: Mapping[str, str] | None) -> httpx.URL:
    if not params:
        return httpx.URL(url)
    if "?" in url or "#" in url:
        return httpx.URL(url).copy_merge_params(dict(params))
    return httpx.URL(f"{url}?{urlencode(params)}")  # the same, parsed once: parsing is what costs most
