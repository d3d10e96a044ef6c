"""Takes the files of a request, a form's or the body itself, for `Uploads`; it reads none of them whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request

from producers.errors import UploadInvalid
from producers.multipart import Form, boundary_of
from producers.uploads import Upload, Uploads

MAX_FILES = 16
"""Of one request."""

BODY: dict[str, object] = {
    "requestBody": {
        "required": True,
        "description": f"One file as it is, or a form of up to {MAX_FILES} files.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
"""For the OpenAPI document of routes that take files."""


@dataclass(frozen=True, slots=True)
class IncomingFile:
    label: str
    """What its sender calls it."""
    chunks: AsyncIterator[bytes]
    """Once, and only until the next file is asked for."""


async def incoming_files(request: Request) -> AsyncGenerator[IncomingFile, None]:
    """The files of a body in their order. Raises UploadInvalid; ClientDisconnect when the caller leaves."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        yield IncomingFile("", request.stream())
        return
    count = 0
    async for part in Form(request.stream(), boundary_of(content_type)).parts():
        if part.file_name is None:
            continue
        count += 1
        if count > MAX_FILES:
            raise UploadInvalid(f"body: more than {MAX_FILES} files; send them in several requests")
        yield IncomingFile(part.file_name[:200], part.chunks)
    if not count:
        raise UploadInvalid("body: the form holds no file")


async def keep_files(request: Request, uploads: Uploads, owner: str) -> list[Upload]:
    """All files of a request, or none of them. Raises as `incoming_files` and `Uploads.keep`."""
    kept: list[Upload] = []
    try:
        async with aclosing(incoming_files(request)) as files:
            async for file in files:
                kept.append(await uploads.keep(owner, file.chunks, label=file.label))  # noqa: PERF401
    except BaseException:
        for upload in kept:
            uploads.forget(upload)
        raise
    return kept
