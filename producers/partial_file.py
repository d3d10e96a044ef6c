"""A file while it is being written: under another name until it is whole. For threads, never for the loop."""

from __future__ import annotations

import os
import threading
from io import FileIO
from pathlib import Path
from typing import ClassVar


class PartialFile:
    """Open, write, finish; or discard, whenever that comes: whatever is still under way is waited for.

    Each method is one job of an executor. A job that comes after `discard` raises ValueError.
    """

    SUFFIX: ClassVar[str] = ".part"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(path.name + self.SUFFIX)
        self._file: FileIO | None = None
        self._is_ours = False
        self._is_discarded = False
        self._lock = threading.Lock()  # a cancelled caller's job runs on beside its discard

    def open(self) -> None:
        """Raises FileExistsError where the name is taken, and OSError."""
        with self._lock:
            if self._is_discarded:
                raise ValueError(f"{self._path.name} was discarded")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(self._partial, "x")
            self._is_ours = True

    def write(self, chunk: bytes) -> None:
        with self._lock:
            file, rest = self._opened(), memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]

    def finish(self) -> None:
        """On the disk, whole, and under its name."""
        with self._lock:
            file = self._opened()
            os.fsync(file.fileno())
            file.close()
            self._file = None
            self._partial.rename(self._path)

    def discard(self) -> None:
        """Leave nothing that was made here, under neither name."""
        with self._lock:
            self._is_discarded = True
            if self._file is not None:
                self._file.close()
                self._file = None
            if self._is_ours:
                self._partial.unlink(missing_ok=True)
                self._path.unlink(missing_ok=True)

    def _opened(self) -> FileIO:
        if self._file is None:
            raise ValueError(f"{self._path.name} is not open")
        return self._file
