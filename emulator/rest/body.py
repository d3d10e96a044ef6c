"""Reads the body of a request within a bound and a deadline, and opens its gzip; it knows no JSON."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import Request

from emulator.errors import InvalidArgumentError, RestError

_DEADLINE = 60.0
"""Seconds in which a caller has to send its request's body."""
_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, limit: int) -> bytes:
    """The body as it was sent. Raises RestError (too large, too slow), and starlette's ClientDisconnect."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(_DEADLINE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError as exc:
        message = f"The request's body did not arrive within {_DEADLINE:g} s."
        raise RestError(408, "DEADLINE_EXCEEDED", message) from exc
    return bytes(body)


def unzipped(request: Request, body: bytes, limit: int) -> bytes:
    """What `body`, that of `request`, says, of at most `limit` bytes. Java's client sends gzip.

    Raises RestError (too large), and InvalidArgumentError for an encoding that cannot be read.
    """
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in ("identity", ""):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise InvalidArgumentError(
            f"Content-Encoding {encoding[:100]!r} is not supported: send the body as it is, or gzip."
        )
    plain = bytearray()
    try:
        while body:
            member = zlib.decompressobj(_GZIP)
            plain += member.decompress(body, limit + 1 - len(plain))
            if len(plain) > limit:
                raise _too_large(limit)
            if not member.eof:
                raise zlib.error("it ends in the middle")
            body = member.unused_data
    except zlib.error as exc:
        raise InvalidArgumentError(f"The request's body is not valid gzip: {exc}.") from exc
    return bytes(plain)


def _too_large(limit: int) -> RestError:
    return RestError(413, "INVALID_ARGUMENT", f"Request payload size exceeds the limit: {limit} bytes.")
