"""Writes what callers upload to files, piece by piece as it arrives, on the storage executor.

Memory stays at one piece for each upload, half a file never stays, and no name of a caller becomes a path.
It looks into no file.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lanes import Executor, LaneError
from producers.errors import UploadsFull, UploadTooLarge, UploadTooSlow
from producers.partial_file import PartialFile

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that is there as a whole."""

    id: str
    path: Path
    size: int
    """Bytes."""
    label: str = ""
    """What its sender calls it: for people to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    max_bytes: int
    """Of one file."""
    max_at_a_time: int
    """Uploads under way; one more is refused."""
    max_total_bytes: int
    """Of all files together, those under way included; what goes beyond is refused."""
    deadline: float
    """Seconds that one upload may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStatistics:
    under_way: int
    max_at_a_time: int
    bytes_held: int
    max_total_bytes: int
    leftovers: int
    """Files that are yet to be removed, since the storage executor was full."""


class Uploads:
    """A folder of files by owner. What a killed process left half-written goes when it opens."""

    def __init__(
        self,
        storage: Executor,
        folder: Path,
        limits: UploadLimits,
        *,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._storage = storage
        self._folder = folder
        self._limits = limits
        self._new_id = new_id
        self._under_way = 0
        self._held = 0
        self._leftovers: list[Callable[[], object]] = []

    async def open(self) -> None:
        """Sweep the folder and measure it; the first file makes it. Raises OSError."""
        self._held = await self._storage.run(_prepare, self._folder)

    async def keep(self, owner: str, chunks: AsyncIterable[bytes], *, label: str = "") -> Upload:
        """Write a file that stays.

        A caller that is cancelled, or a source that raises, takes the file along.

        Raises:
            UploadTooLarge, UploadTooSlow, UploadsFull; OSError; what `chunks` and the executor raise.
        """
        id = self._new_id()
        path = self._path(owner, id)
        with self._place():
            size = await self._write(path, chunks)
        return Upload(id=id, path=path, size=size, label=label)

    @asynccontextmanager
    async def borrow(self, chunks: AsyncIterable[bytes], *, label: str = "") -> AsyncIterator[Upload]:
        """A file for the length of the block. Raises as `keep`."""
        upload = await self.keep("", chunks, label=label)
        try:
            yield upload
        finally:
            self.forget(upload)

    def forget(self, upload: Upload) -> None:
        """Remove a file that `keep` just made, without waiting for it."""
        self._held -= upload.size
        self._later(lambda: _unlink(upload.path))

    async def find(self, owner: str, id: str) -> Upload | None:
        """A file that the owner has; None for an id of nobody, of another owner, or that is none."""
        if _ID.fullmatch(id) is None:
            return None
        path = self._path(owner, id)
        size = await self._storage.run(_size, path)
        return None if size is None else Upload(id=id, path=path, size=size)

    async def remove(self, owner: str, id: str) -> bool:
        """Whether there was such a file. Who reads it meanwhile reads it to its end."""
        upload = await self.find(owner, id)
        if upload is None or not await self._storage.run(_unlink, upload.path):
            return False
        self._held -= upload.size
        return True

    def statistics(self) -> UploadStatistics:
        return UploadStatistics(
            under_way=self._under_way,
            max_at_a_time=self._limits.max_at_a_time,
            bytes_held=self._held,
            max_total_bytes=self._limits.max_total_bytes,
            leftovers=len(self._leftovers),
        )

    @contextmanager
    def _place(self) -> Iterator[None]:
        self._clear_leftovers()
        if self._under_way >= self._limits.max_at_a_time:
            raise UploadsFull(f"{self._under_way} uploads are under way; come back when some have ended")
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _write(self, path: Path, chunks: AsyncIterable[bytes]) -> int:
        partial = PartialFile(path)
        size = 0
        try:
            async with asyncio.timeout(self._limits.deadline) as limit:
                await self._storage.run(partial.open)
                async for chunk in chunks:
                    size += len(chunk)
                    self._held += len(chunk)
                    self._check(size)
                    await self._storage.run(partial.write, chunk)
                await self._storage.run(partial.finish)
        except BaseException as error:
            self._held -= size
            self._later(partial.discard)
            if isinstance(error, TimeoutError) and limit.expired():
                raise UploadTooSlow(self._limits.deadline) from error
            raise
        return size

    def _check(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise UploadTooLarge(self._limits.max_bytes)
        if self._held > self._limits.max_total_bytes:
            raise UploadsFull("there is no room for more files; remove some, or come back later")

    def _later(self, removal: Callable[[], object]) -> None:
        """Not awaited: a caller that is being cancelled can wait for nothing."""
        try:
            self._storage.submit(removal)
        except LaneError:
            self._leftovers.append(removal)

    def _clear_leftovers(self) -> None:
        """Raises ExecutorSaturated while there is no place for that: so their number stays bounded."""
        while self._leftovers:
            self._storage.submit(self._leftovers[-1])
            self._leftovers.pop()

    def _path(self, owner: str, id: str) -> Path:
        return self._folder / hashlib.sha256(owner.encode()).hexdigest()[:32] / id


def _prepare(folder: Path) -> int:
    borrowed = folder / hashlib.sha256(b"").hexdigest()[:32]
    held = 0
    for found in folder.glob("*/*"):
        if found.suffix == PartialFile.SUFFIX or found.parent == borrowed:
            found.unlink(missing_ok=True)
        else:
            held += found.stat().st_size
    return held


def _size(path: Path) -> int | None:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return None


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
