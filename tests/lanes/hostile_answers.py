"""What targets that mean harm answer, and how a request to each should end."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass

from lanes import DeadlineExceeded, ExchangeFailed, LaneError
from tests.lanes.hostile import Serve, head, reset

PACE = 0.01
"""Seconds between two bits of a drip."""
OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(bytes(20_000_000))


def says(*pieces: bytes) -> Serve:
    """Answer with these bytes and wait."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.writelines(pieces)
        await writer.drain()

    return serve


def says_and_leaves(*pieces: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(*pieces)(reader, writer)
        writer.close()

    return serve


def says_and_resets(*pieces: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(*pieces)(reader, writer)
        reset(writer)

    return serve


def repeats(first: bytes, again: bytes, *, pace: float = 0.0) -> Serve:
    """Answer without end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pace)

    return serve


async def resets_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def half_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write_eof()


@dataclass(frozen=True, slots=True)
class Case:
    serve: Serve
    ends: int | type[LaneError]
    is_failure: bool = True
    """Whether the breaker counts it."""
    is_truncated: bool = False


def answers(status: int, serve: Serve, *, is_truncated: bool = False) -> Case:
    return Case(serve, status, is_failure=status >= 500, is_truncated=is_truncated)


CASES = {
    "no answer": Case(says(), DeadlineExceeded),
    "headers drip": Case(repeats(OK, b"x: y\r\n", pace=PACE), DeadlineExceeded),
    "body drips": Case(repeats(OK + b"\r\n", b"x", pace=PACE), DeadlineExceeded),
    "body drips in chunks": Case(
        repeats(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n", pace=PACE), DeadlineExceeded
    ),
    "endless body": answers(200, repeats(OK + b"\r\n", b"x" * 65_536), is_truncated=True),
    "endless body of a failure": answers(
        500, repeats(b"HTTP/1.1 500 No\r\n\r\n", b"x" * 65_536), is_truncated=True
    ),
    "endless headers": Case(repeats(OK, b"x: y\r\n" * 1000), ExchangeFailed),
    "129 headers": Case(says(OK, b"x: y\r\n" * 129, b"\r\n"), ExchangeFailed),
    "endless header": Case(repeats(OK + b"x: ", b"y" * 65_536), ExchangeFailed),
    "endless status line": Case(repeats(b"HTTP/1.1 200 ", b"O" * 65_536), ExchangeFailed),
    "gzip bomb": answers(
        200,
        says(OK, b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB), BOMB),
    ),
    "gzip bomb, deflated twice": answers(
        200, repeats(OK + b"content-encoding: gzip, gzip\r\n\r\n", gzip.compress(BOMB)), is_truncated=True
    ),
    "reset on connect": Case(resets_at_once, ExchangeFailed),
    "closed on connect": Case(closes_at_once, ExchangeFailed),
    "reset after the request": Case(says_and_resets(), ExchangeFailed),
    "reset in the headers": Case(says_and_resets(OK, b"x: y"), ExchangeFailed),
    "reset in the body": Case(says_and_resets(OK, b"content-length: 9\r\n\r\nhalf"), ExchangeFailed),
    "half-closed after the request": Case(half_closes, ExchangeFailed),
    "closed in the headers": Case(says_and_leaves(OK, b"x: y"), ExchangeFailed),
    "closed in the body": Case(says_and_leaves(OK, b"content-length: 9\r\n\r\nhalf"), ExchangeFailed),
    "closed in a chunk": Case(
        says_and_leaves(OK, b"transfer-encoding: chunked\r\n\r\n9\r\nhalf"), ExchangeFailed
    ),
    "closed before the last chunk": Case(
        says_and_leaves(OK, b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"), ExchangeFailed
    ),
    "body until the close": answers(200, says_and_leaves(OK, b"\r\nbody")),
    "HTTP/1.0": answers(200, says_and_leaves(b"HTTP/1.0 200 OK\r\n\r\nbody")),
    "HTTP/1.0, closed early": Case(
        says_and_leaves(b"HTTP/1.0 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), ExchangeFailed
    ),
    "HTTP/0.9": Case(says_and_leaves(b"<html>hello</html>"), ExchangeFailed),
    "another protocol": Case(says(b"220 mail.example ESMTP\r\n\r\n"), ExchangeFailed),
    "noise": Case(says(bytes(range(256)) * 64), ExchangeFailed),
    "HTTP/2": Case(says(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"), ExchangeFailed),
    "a version that is none": Case(says(b"HTTP/9.9.9 200 OK\r\n\r\n"), ExchangeFailed),
    "a bare status": Case(says(b"200\r\n\r\n"), ExchangeFailed),
    "a reason that is no UTF-8": answers(200, says(b"HTTP/1.1 200 \xff\xfe\r\ncontent-length: 0\r\n\r\n")),
    "a header that is no UTF-8": answers(200, says(OK, b"x: \xff\xfe\r\ncontent-length: 0\r\n\r\n")),
    "a header with a NUL": Case(says(OK, b"x: \x00\r\ncontent-length: 0\r\n\r\n"), ExchangeFailed),
    "status 0": Case(says(b"HTTP/1.1 000 No\r\ncontent-length: 0\r\n\r\n"), ExchangeFailed),
    "status 999": Case(says(b"HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n"), ExchangeFailed),
    "status 99999": Case(says(b"HTTP/1.1 99999 No\r\ncontent-length: 0\r\n\r\n"), ExchangeFailed),
    "switched protocols": Case(
        says(b"HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x00"), ExchangeFailed
    ),
    "one 100": answers(204, says(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")),
    "endless 1xx": Case(
        repeats(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 500), DeadlineExceeded
    ),
    "chunk of 16 EiB": Case(
        repeats(OK + b"transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", b"x" * 65_536),
        ExchangeFailed,
    ),
    "chunk of 4 EiB": answers(
        200,
        repeats(OK + b"transfer-encoding: chunked\r\n\r\n3FFFFFFFFFFFFFFF\r\n", b"x" * 65_536),
        is_truncated=True,
    ),
    "chunk of a negative size": Case(
        says(OK, b"transfer-encoding: chunked\r\n\r\n-1\r\nx\r\n"), ExchangeFailed
    ),
    "chunk without an end": Case(says(OK, b"transfer-encoding: chunked\r\n\r\n1\r\nxyz"), ExchangeFailed),
    "two contradictory lengths": Case(
        says(OK, b"content-length: 1\r\ncontent-length: 2\r\n\r\nxy"), ExchangeFailed
    ),
    "a list of lengths": Case(says(OK, b"content-length: 1, 2\r\n\r\nxy"), ExchangeFailed),
    "a negative length": Case(says(OK, b"content-length: -1\r\n\r\nxy"), ExchangeFailed),
    "a length that is none": Case(says(OK, b"content-length: 0x1\r\n\r\nx"), ExchangeFailed),
    "a length beyond 64 bits": Case(
        says(OK, b"content-length: 99999999999999999999\r\n\r\nx"), ExchangeFailed
    ),
    "length and chunks": Case(
        says(OK, b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), ExchangeFailed
    ),
    "endless trailers": Case(
        repeats(OK + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * 1000), ExchangeFailed
    ),
    "endless chunk extension": Case(
        repeats(OK + b"transfer-encoding: chunked\r\n\r\n1;", b"x" * 65_536), DeadlineExceeded
    ),
}
