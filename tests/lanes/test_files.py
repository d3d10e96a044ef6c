"""Files by way of the storage executor: whole or not at all, bounded, and never on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lanes import STORAGE, Executor, Files, FileTooLarge


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    storage = Executor(STORAGE)
    await storage.open()
    yield Files(storage)
    await storage.aclose()


def names_in(folder: Path) -> list[str]:
    return [found.name for found in folder.iterdir()]


async def test_what_was_written_is_read_back(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "a" / "file"
    await files.write(path, b"first, and longer")
    await files.write(path, b"second")
    assert await files.read(path, max_bytes=6) == b"second"
    assert await asyncio.to_thread(names_in, path.parent) == ["file"]


async def test_a_file_beyond_the_bound_is_refused(files: Files, tmp_path: Path) -> None:
    await files.write(tmp_path / "file", b"seven b")
    with pytest.raises(FileTooLarge, match="longer than 6 bytes"):
        await files.read(tmp_path / "file", max_bytes=6)


async def test_a_file_comes_in_pieces(files: Files, tmp_path: Path) -> None:
    await files.write(tmp_path / "file", b"0123456789")
    assert [piece async for piece in files.chunks(tmp_path / "file", size=4)] == [b"0123", b"4567", b"89"]


async def test_a_write_that_fails_leaves_the_old_file_and_no_other(files: Files, tmp_path: Path) -> None:
    folder = tmp_path / "file"
    await asyncio.to_thread(folder.mkdir)  # no file can take the place of a folder
    with pytest.raises(IsADirectoryError):
        await files.write(folder, b"data")
    assert await asyncio.to_thread(names_in, tmp_path) == ["file"]


async def test_a_missing_file_is_the_callers_to_see(files: Files, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await files.read(tmp_path / "none", max_bytes=1)


@pytest.mark.parametrize(
    ("start", "length", "pieces"),
    [
        (3, None, [b"3456", b"789"]),
        (3, 5, [b"3456", b"7"]),
        (0, 4, [b"0123"]),
        (8, 50, [b"89"]),
        (10, 5, []),
        (2, 0, []),
    ],
)
async def test_a_part_of_a_file_comes_in_pieces(
    files: Files, tmp_path: Path, start: int, length: int | None, pieces: list[bytes]
) -> None:
    await files.write(tmp_path / "file", b"0123456789")
    read = files.chunks(tmp_path / "file", size=4, start=start, length=length)
    assert [piece async for piece in read] == pieces
