"""Reads the JSON files of an uploaded zip, a bounded batch at a time. For threads: it inflates and parses.

An archive is judged before anything of it is inflated, and inflates to no more than it said it would. No name
in it becomes a path: nothing is extracted to disk.
"""

from __future__ import annotations

import os
import struct
import threading
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from producers.errors import ArchiveRefused

Item = TypeVar("Item", bound=BaseModel)

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # zipfile inflates no other one piece by piece
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    max_entries: int
    max_entry_bytes: int
    """Of one file, inflated."""
    max_total_bytes: int
    """Of all files, inflated."""
    max_directory_bytes: int = 1_000_000
    """Of the archive's own table of contents, which is read at once."""
    batch_bytes: int = 1_000_000
    """A batch takes no further file once it has inflated so much."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[Item]):
    """One JSON file of the archive: its item, or why there is none."""

    name: str
    item: Item | None = None
    fault: str = ""


class Archive(Generic[Item]):
    """An open zip. `open`, `next_batch` and `close` are jobs of an executor.

    `close` may come while a job runs that nobody waits for any more; later jobs raise ValueError.
    """

    def __init__(self, path: Path, model: type[Item], limits: ArchiveLimits) -> None:
        self._path = path
        self._model = model
        self._limits = limits
        self._file: BinaryIO | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    def open(self) -> None:
        """Look at the table of contents. Raises ArchiveRefused, and OSError."""
        with self._lock:
            if self._is_closed:
                raise ValueError("the archive is closed")
            self._file = self._path.open("rb")
            try:
                self._zip = zipfile.ZipFile(
                    cast(BinaryIO, _NoLongRead(self._file, self._limits.max_directory_bytes))
                )
                self._infos = iter(self._checked(self._zip.infolist()))
            except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
                raise ArchiveRefused(f"this is no zip file that can be read: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._file is not None:
                self._file.close()

    def next_batch(self) -> list[Entry[Item]]:
        """The next files, in the archive's order; none when all were read.

        A file that cannot be read is an entry with its fault.
        """
        batch: list[Entry[Item]] = []
        inflated = 0
        with self._lock:
            for info in self._infos:
                batch.append(self._read(info))
                inflated += info.file_size
                if inflated >= self._limits.batch_bytes:
                    break
        return batch

    def _checked(self, infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
        if len(infos) > self._limits.max_entries:
            raise ArchiveRefused(f"{len(infos)} entries, at most {self._limits.max_entries} are read")
        files = []
        for info in infos:
            refuse_name(info.orig_filename)
            if info.flag_bits & _ENCRYPTED:
                raise ArchiveRefused(f"{info.filename[:200]!r} is encrypted; send it without a password")
            if info.compress_type not in _METHODS:
                raise ArchiveRefused(f"{info.filename[:200]!r} is neither stored nor deflated")
            if info.filename.endswith(".json") and not info.filename.startswith("__MACOSX/"):
                files.append(info)
        total = sum(info.file_size for info in files)
        if total > self._limits.max_total_bytes:
            raise ArchiveRefused(
                f"its files are {total} bytes when inflated, at most {self._limits.max_total_bytes} are read;"
                " send fewer at once"
            )
        return files

    def _read(self, info: zipfile.ZipInfo) -> Entry[Item]:
        name = info.filename[:200]
        limit = self._limits.max_entry_bytes
        if info.file_size > limit:
            return Entry(name, fault=f"it is {info.file_size} bytes, at most {limit} are read")
        try:
            with self._zip.open(info) as file:
                content = file.read(limit)  # zipfile inflates no more than `file_size` says
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            ValueError,
            NotImplementedError,
            struct.error,
        ) as error:
            return Entry(name, fault=f"it cannot be inflated: {error}"[:300])
        try:
            return Entry(name, self._model.model_validate_json(content))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            return Entry(name, fault=f"{where}: {first['msg']}"[:300])


def refuse_name(name: str) -> None:
    """Raise ArchiveRefused for a name that leads out of a folder, though nothing here makes a path of it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if "\0" in name or path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        raise ArchiveRefused(f"the entry {name[:200]!r} leads out of the archive")


class _NoLongRead:
    """A file of which no more than `limit` bytes are read at once, however long a table of contents is."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._limit = limit
        self.tell = file.tell
        self.seekable = file.seekable

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("an offset leads out of the file")
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(self._limit + 1 if size < 0 else min(size, self._limit + 1))
        if len(content) > self._limit:
            raise ArchiveRefused(
                f"its table of contents is over {self._limit} bytes; send fewer files at once"
            )
        return content
