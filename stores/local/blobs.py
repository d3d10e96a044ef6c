"""Blobs as files of one folder: written whole and durable, on the storage executor. Sweeps when told to.

FOLDER/.sidelane-blobs       the lock of all writers, and the mark of a folder that is really there
FOLDER/{owner}/{sha256}      a blob; its modification time is the moment until which it is kept
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from contracts import BlobReference, owner_digest
from lanes import Executor, ExecutorClosed, LaneError
from stores.blobs import BLOB_DEADLINE, checked_size, verified
from stores.errors import BlobMissing, StoreClosed, StoreUnavailable

T = TypeVar("T")

_LOCK = ".sidelane-blobs"
_UNFINISHED = ".new-"


class LocalBlobs:
    """Implements `stores.blobs.Blobs`. Several processes may use one folder."""

    def __init__(self, folder: Path, storage: Executor, *, deadline: float = BLOB_DEADLINE) -> None:
        self._folder = folder
        self._storage = storage
        self._deadline = deadline
        self._is_open = False

    async def open(self) -> None:
        """Make the folder where it is missing. Raises `StoreUnavailable`."""
        await self._guard(self._make)
        self._is_open = True

    async def aclose(self) -> None:
        """Refuse further calls; the executor lets those under way end."""
        self._is_open = False

    async def put(self, reference: BlobReference, payload: bytes, *, keep_until: datetime) -> None:
        checked_size(reference)
        await self._run(self._put, reference, payload, keep_until.timestamp())

    async def get(self, reference: BlobReference) -> bytes:
        checked_size(reference)
        return await self._run(self._get, reference)

    async def keep(self, reference: BlobReference, *, until: datetime) -> None:
        await self._run(self._keep, reference, until.timestamp())

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        return await self._run(self._erase, owner_digest(owner), dry_run)

    async def sweep(self, now: datetime, *, dry_run: bool = False) -> int:
        """Remove what is kept no longer; how many blobs that was. With `dry_run` they stay."""
        removed = 0
        for folder in await self._run(self._owners):
            removed += await self._run(self._sweep, folder, now.timestamp(), dry_run)
        return removed

    async def _run(self, job: Callable[..., T], *args: object) -> T:
        if not self._is_open:
            raise StoreClosed(f"blob folder {self._folder} is not open: await open() first")
        return await self._guard(job, *args)

    async def _guard(self, job: Callable[..., T], *args: object) -> T:
        try:
            return await self._storage.run_within(self._deadline, job, *args)
        except ExecutorClosed as error:
            raise StoreClosed(str(error)) from error
        except (OSError, LaneError) as error:
            raise StoreUnavailable(
                f"blob folder {self._folder}: {error}; look at the disk, and try again"
            ) from error

    # In a thread of the executor.

    def _make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / _LOCK).touch()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among the writers of all processes; OSError where the folder is not there."""
        with (self._folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _put(self, reference: BlobReference, payload: bytes, keep_until: float) -> None:
        verified(reference, payload)
        path = self._folder / reference.key
        with self._locked():
            if not path.parent.is_dir():
                path.parent.mkdir()
                _sync(self._folder)
            with suppress(FileNotFoundError):
                keep_until = max(keep_until, path.stat().st_mtime)
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_UNFINISHED)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(payload)
                    file.flush()
                    os.utime(file.fileno(), (keep_until, keep_until))
                    os.fsync(file.fileno())
                Path(name).replace(path)
            except BaseException:
                with suppress(FileNotFoundError):
                    Path(name).unlink()
                raise
            _sync(path.parent)

    def _get(self, reference: BlobReference) -> bytes:
        try:
            with (self._folder / reference.key).open("rb") as file:
                return verified(reference, file.read(reference.size + 1))
        except FileNotFoundError:
            raise self._missing(reference) from None

    def _keep(self, reference: BlobReference, until: float) -> None:
        path = self._folder / reference.key
        with self._locked():
            try:
                if until > path.stat().st_mtime:
                    os.utime(path, (until, until))
                    _sync(path)
            except FileNotFoundError:
                raise self._missing(reference) from None

    def _missing(self, reference: BlobReference) -> Exception:
        """A blob is missing only from a folder that is there: a disk may not be mounted."""
        if (self._folder / _LOCK).exists():
            return BlobMissing(
                f"{self._folder} has no blob {reference.key}: it was erased, or kept no longer"
            )
        return OSError("it is no folder of blobs any more")

    def _erase(self, owner: str, dry_run: bool) -> int:
        folder = self._folder / owner
        with self._locked():
            if not folder.is_dir():
                return 0
            files = list(folder.iterdir())
            if not dry_run:
                for file in files:
                    file.unlink()
                folder.rmdir()
                _sync(self._folder)
        return sum(not file.name.startswith(_UNFINISHED) for file in files)

    def _owners(self) -> list[Path]:
        return [folder for folder in self._folder.iterdir() if folder.name != _LOCK]

    def _sweep(self, folder: Path, now: float, dry_run: bool) -> int:
        removed = 0
        with self._locked(), suppress(FileNotFoundError):  # the folder: an erasure was faster
            for file in list(folder.iterdir()):
                unfinished = file.name.startswith(_UNFINISHED)  # its writer died, since it held the lock
                if not unfinished and file.stat().st_mtime >= now:
                    continue
                removed += not unfinished
                if not dry_run:
                    file.unlink()
            with suppress(OSError):  # it is not empty
                folder.rmdir()
        return removed


def _sync(path: Path) -> None:
    """On a folder: without it a new name may be lost with the power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
