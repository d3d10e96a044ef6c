"""Sends a file back piece by piece, whole or one range of it (RFC 9110, 14). Memory stays at one piece."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from lanes import Files
from producers.uploads import Upload

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Range:
    """`start` inclusive, `end` exclusive."""

    start: int
    end: int


def wanted(header: str | None, size: int) -> Range | None:
    """The range that a `Range` header asks for, within the file; None when the whole file answers it.

    Several ranges, and other units than bytes, are answered by the whole, as the RFC lets a server.

    Raises HTTPException 416 for a range that is not within the file.
    """
    match = _RANGE.fullmatch(header.strip()) if header is not None else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        found = Range(max(0, size - int(match[2])), size)
    else:
        found = Range(int(match[1]), min(size, int(match[2]) + 1) if match[2] else size)
        if match[2] and int(match[2]) < int(match[1]):
            return None  # not a valid one: as if there were none
    if found.start >= found.end:
        raise HTTPException(
            416,
            f"range: the file has {size} bytes",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return found


async def download(
    files: Files, upload: Upload, *, media_type: str, range_header: str | None, if_range: str | None = None
) -> StreamingResponse:
    """The answer of a route. Raises HTTPException 416 and OSError, while nothing was sent yet."""
    tag = f'"{upload.id}"'  # a file of this id never changes
    part = wanted(range_header, upload.size) if if_range in (None, tag) else None
    start, end = (part.start, part.end) if part else (0, upload.size)
    pieces = files.chunks(upload.path, start=start, length=end - start)
    first = await anext(pieces, b"")

    async def all_pieces() -> AsyncIterator[bytes]:
        async with aclosing(pieces) as rest:
            yield first
            async for piece in rest:
                yield piece

    headers = {"Accept-Ranges": "bytes", "ETag": tag, "Content-Length": str(end - start)}
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{upload.size}"
    return StreamingResponse(
        all_pieces(), status_code=206 if part else 200, media_type=media_type, headers=headers
    )
