"""Reads and writes files without blocking the event loop, on the storage executor; it keeps none open."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

from lanes.errors import FileTooLarge
from lanes.executors import Executor

_CHUNK = 65_536


class Files:
    """Files by way of an executor, whose bounds and errors apply. What `open` and the disk raise passes."""

    def __init__(self, storage: Executor) -> None:
        self._storage = storage

    async def read(self, path: Path, *, max_bytes: int) -> bytes:
        """The whole file. Raises `FileTooLarge` beyond `max_bytes`, and OSError."""
        return await self._storage.run(_read, path, max_bytes)

    async def chunks(
        self, path: Path, *, size: int = _CHUNK, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The file piece by piece, each read as it is asked for: memory stays at one piece. Raises OSError.

        A file that is replaced meanwhile (`write` does so) is read to its end as it was.

        Args:
            start: the byte to begin at; beyond the file's end there is nothing.
            length: bytes in all; None for all that follow.
        """
        file = await self._storage.run(path.open, "rb", buffering=0)
        left = length
        try:
            if start:
                await self._storage.run(file.seek, start)
            while chunk := await self._storage.run(file.read, size if left is None else min(size, left)):
                yield chunk
                left = left if left is None else left - len(chunk)
        finally:
            file.close()  # a file that was only read has nothing to flush

    async def write(self, path: Path, data: bytes) -> None:
        """Write the file whole and durable: readers see the old one or the new one, never half of it.

        Raises OSError. A cancelled caller's file may be written all the same.
        """
        await self._storage.run(_write, path, data)


def _read(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise FileTooLarge(
            f"{path} is longer than {max_bytes} bytes: raise max_bytes, or read it by chunks()"
        )
    return data


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Without it the new name may be lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
