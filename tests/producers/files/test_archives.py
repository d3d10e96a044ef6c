"""Archives of JSON files: bombs, forged sizes and names, and faults that are one file's alone."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from producers import ArchiveRefused
from producers.archives import Archive, ArchiveLimits, Entry

LIMITS = ArchiveLimits(max_entries=20, max_entry_bytes=1_000, max_total_bytes=5_000)


class Item(BaseModel):
    n: int


def zipped(files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def entries(folder: Path, content: bytes, limits: ArchiveLimits = LIMITS) -> list[Entry[Item]]:
    path = folder / "archive.zip"
    path.write_bytes(content)
    archive = Archive(path, Item, limits)
    try:
        archive.open()
        found: list[Entry[Item]] = []
        while batch := archive.next_batch():
            found += batch
        return found
    finally:
        archive.close()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_its_json_files_are_read_in_order_and_nothing_else_is(tmp_path: Path, method: int) -> None:
    content = zipped(
        {"b.json": b'{"n":2}', "x/": b"", "x/a.json": b'{"n":1}', "r.txt": b"?", "__MACOSX/b.json": b"?"},
        method=method,
    )
    assert entries(tmp_path, content) == [Entry("b.json", Item(n=2)), Entry("x/a.json", Item(n=1))]


def test_a_file_that_cannot_be_read_is_its_own_fault_alone(tmp_path: Path) -> None:
    deep = b"[" * 500
    content = zipped(
        {"a.json": b'{"n":"x"}', "b.json": b"{", "c.json": b"\xff", "d.json": deep, "e.json": b'{"n":1}'}
    )
    found = entries(tmp_path, content)
    assert [entry.item for entry in found] == [None, None, None, None, Item(n=1)]
    assert found[0].fault.startswith("n: ")
    assert all(entry.fault for entry in found[:4])


def test_it_comes_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(zipped({f"{n}.json": b'{"n":%d}' % n + b" " * 500 for n in range(5)}))
    archive = Archive(path, Item, ArchiveLimits(**{**vars_of(LIMITS), "batch_bytes": 1_000}))
    archive.open()
    assert [len(archive.next_batch()) for _ in range(4)] == [2, 2, 1, 0]
    archive.close()
    with pytest.raises(ValueError, match="closed"):
        archive.open()


def vars_of(limits: ArchiveLimits) -> dict[str, int]:
    return {name: getattr(limits, name) for name in ArchiveLimits.__dataclass_fields__}


def test_a_file_that_is_too_long_is_not_inflated(tmp_path: Path) -> None:
    found = entries(tmp_path, zipped({"a.json": b" " * 1_001, "b.json": b'{"n":1}'}))
    assert "1001 bytes, at most 1000" in found[0].fault
    assert found[1].item == Item(n=1)


def test_a_bomb_is_refused_by_what_it_says(tmp_path: Path) -> None:
    content = zipped({f"{n}.json": b" " * 900 for n in range(6)})
    with pytest.raises(ArchiveRefused, match="5400 bytes when inflated, at most 5000"):
        entries(tmp_path, content)


def test_a_bomb_that_says_it_is_small_inflates_to_no_more(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.json": b" " * 50_000_000, "b.json": b'{"n":1}'}))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)  # its size in the table of contents
    content[22:26] = struct.pack("<I", 10)  # and in its own header
    found = entries(tmp_path, bytes(content))
    assert found[0].item is None
    assert found[1].item == Item(n=1)


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused, match="21 entries, at most 20"):
        entries(tmp_path, zipped({f"{n}.json": b"" for n in range(21)}))


def test_a_table_of_contents_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    content = zipped({f"{n}{'x' * 1_000}.json": b"" for n in range(20)})
    limits = ArchiveLimits(**{**vars_of(LIMITS), "max_directory_bytes": 20_000})
    with pytest.raises(ArchiveRefused, match="table of contents is over 20000 bytes"):
        entries(tmp_path, content, limits)


@pytest.mark.parametrize(
    "name", ["../a.json", "x/../../a.json", "/etc/a.json", "..\\a.json", "C:\\a.json", "C:a.json", "\\a.json"]
)
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveRefused, match="leads out"):
        entries(tmp_path, zipped({name: b'{"n":1}'}))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_not_inflated_piece_by_piece_is_refused(tmp_path: Path, method: int) -> None:
    with pytest.raises(ArchiveRefused, match="neither stored nor deflated"):
        entries(tmp_path, zipped({"a.json": b" " * 900}, method=method))


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.json": b'{"n":1}'}))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    with pytest.raises(ArchiveRefused, match="encrypted"):
        entries(tmp_path, bytes(content))


GOOD = zipped({"a.json": b'{"n":1}', "b.json": b'{"n":2}'})


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip", GOOD[:-30], GOOD[:80]])
def test_what_is_no_zip_is_refused_or_has_faults(tmp_path: Path, content: bytes) -> None:
    try:
        assert not any(entry.item for entry in entries(tmp_path, content))
    except ArchiveRefused as error:
        assert "no zip file" in str(error)  # noqa: PT017 (either is right)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_is_broken_ends_in_a_fault_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.getbasetemp()
    try:
        assert len(entries(folder, bytes(content))) <= 2
    except ArchiveRefused:
        return
