"""Reads the files of a multipart/form-data body (RFC 7578) as it arrives; it holds one piece of it at a time.

It keeps nothing, writes nothing, and takes no name for a path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from producers.errors import UploadInvalid

MAX_HEADER = 8_192
"""Bytes of one part's header."""
MAX_BOUNDARY = 70
"""Characters (RFC 2046, 5.1.1)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field of the form."""

    name: str
    file_name: str | None
    """As the sender calls it: a label, never a path of ours. None for a field that is no file."""
    chunks: AsyncIterator[bytes]
    """The content, once, and only until the next part is asked for."""


def boundary_of(content_type: str) -> bytes:
    """The delimiter that a Content-Type of multipart/form-data names. Raises UploadInvalid."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= MAX_BOUNDARY or not boundary.isascii():
        raise UploadInvalid(
            f"content-type: multipart/form-data needs a boundary of 1 to {MAX_BOUNDARY} ASCII characters"
        )
    return boundary.encode("ascii")


class Form:
    """The parts of a body, in order. Raises UploadInvalid where the body is not what it says."""

    def __init__(self, body: AsyncIterator[bytes], boundary: bytes) -> None:
        self._body = body
        self._delimiter = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")  # so that the first delimiter is like the others

    async def parts(self) -> AsyncIterator[Part]:
        await _skip(self._content())  # what stands before the first delimiter means nothing
        while await self._has_part():
            content = self._content()
            yield _part(await self._header(), content)
            await _skip(content)

    async def _has_part(self) -> bool:
        while len(self._buffer) < 2:
            await self._more()
        if self._buffer.startswith(b"--"):
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise UploadInvalid("body: a delimiter of the form is followed by neither a part nor its end")
        return True

    async def _header(self) -> str:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0 and len(self._buffer) <= MAX_HEADER:
            await self._more()
        if not 0 <= end <= MAX_HEADER:
            raise UploadInvalid(f"body: the header of a part is over {MAX_HEADER} bytes")
        header = self._buffer[:end].lstrip(b"\r\n").decode("utf-8", "replace")
        del self._buffer[: end + 4]
        return header

    async def _content(self) -> AsyncIterator[bytes]:
        """What comes until the next delimiter, which is taken too."""
        tail = len(self._delimiter) - 1  # so much of the end may be the beginning of a delimiter
        while (at := self._buffer.find(self._delimiter)) < 0:
            if len(self._buffer) > tail:
                chunk = bytes(self._buffer[:-tail])
                del self._buffer[:-tail]
                yield chunk
            await self._more()
        last = bytes(self._buffer[:at])
        del self._buffer[: at + len(self._delimiter)]
        if last:
            yield last

    async def _more(self) -> None:
        chunk = await anext(self._body, None)
        if chunk is None:
            raise UploadInvalid("body: it ends within the form; send the whole of it")
        self._buffer += chunk


def _part(header: str, content: AsyncIterator[bytes]) -> Part:
    fields = HeaderParser().parsestr(header)
    name = fields.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise UploadInvalid("body: a part of the form has no name")
    return Part(name=name, file_name=fields.get_filename(), chunks=content)


async def _skip(content: AsyncIterator[bytes]) -> None:
    async for _ in content:
        pass
