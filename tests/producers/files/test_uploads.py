"""Uploads: whole or not at all, bounded, and written by the storage executor alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from lanes import STORAGE, Executor, ExecutorSaturated, ExecutorSettings
from producers import UploadsFull, UploadTooLarge, UploadTooSlow
from producers.uploads import UploadLimits, Uploads
from tests.producers.files.served import files_in, until

LIMITS = UploadLimits(max_bytes=100, max_at_a_time=2, max_total_bytes=250, deadline=20)


@pytest.fixture
async def storage() -> AsyncIterator[Executor]:
    executor = Executor(STORAGE)
    await executor.open()
    yield executor
    await executor.aclose()


@pytest.fixture
def uploads(storage: Executor, tmp_path: Path) -> Uploads:
    return Uploads(storage, tmp_path, LIMITS)


async def left(storage: Executor, folder: Path) -> list[str]:
    """The names that are there when the executor has done all it was given."""
    await storage.aclose()
    return await asyncio.to_thread(files_in, folder)


async def source(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Held:
    """A source whose first piece was taken and whose second one waits."""

    def __init__(self) -> None:
        self.taken = asyncio.Event()
        self.go_on = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"first"
        self.taken.set()
        await self.go_on.wait()
        yield b"second"


async def test_a_file_is_kept_and_found_by_its_owner_alone(uploads: Uploads) -> None:
    kept = await uploads.keep("ada", source(b"one ", b"two"), label="a.wav")
    assert await asyncio.to_thread(kept.path.read_bytes) == b"one two"
    assert (kept.size, kept.label) == (7, "a.wav")
    found = await uploads.find("ada", kept.id)
    assert found == replace(kept, label="")
    assert await uploads.find("bob", kept.id) is None


@pytest.mark.parametrize("id", ["../x", "", "x" * 32, "..", "0" * 31, "0" * 32])
async def test_an_id_that_is_none_finds_nothing(uploads: Uploads, id: str) -> None:
    assert await uploads.find("ada", id) is None


async def test_no_name_of_an_owner_leads_out_of_the_folder(uploads: Uploads, tmp_path: Path) -> None:
    kept = await uploads.keep("../../etc", source(b"x"), label="../../passwd")
    assert kept.path.parent.parent == tmp_path


async def test_what_is_half_written_has_no_name_yet(uploads: Uploads) -> None:
    held = Held()
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(uploads.keep("ada", held.chunks()))
        await held.taken.wait()
        assert uploads.statistics().under_way == 1
        held.go_on.set()
    assert await asyncio.to_thread(keeping.result().path.read_bytes) == b"firstsecond"


async def test_a_caller_that_leaves_takes_its_file_along(
    uploads: Uploads, storage: Executor, tmp_path: Path
) -> None:
    held = Held()
    keeping = asyncio.create_task(uploads.keep("ada", held.chunks()))
    await held.taken.wait()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert uploads.statistics().bytes_held == 0
    assert await left(storage, tmp_path) == []


async def test_a_caller_that_leaves_while_a_thread_writes_takes_its_file_along(tmp_path: Path) -> None:
    one_thread = Executor(ExecutorSettings(name="storage", threads=1, max_waiting=10))
    await one_thread.open()
    uploads = Uploads(one_thread, tmp_path, LIMITS)
    gate = threading.Event()
    held = Held()
    keeping = asyncio.create_task(uploads.keep("ada", held.chunks()))
    await held.taken.wait()
    one_thread.submit(gate.wait)
    held.go_on.set()  # its second piece waits behind the gate
    await until(lambda: one_thread.statistics().waiting > 0)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    gate.set()
    assert await left(one_thread, tmp_path) == []


async def test_a_source_that_breaks_takes_its_file_along(
    uploads: Uploads, storage: Executor, tmp_path: Path
) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await uploads.keep("ada", breaking())
    assert await left(storage, tmp_path) == []


async def test_a_file_over_the_limit_is_refused_as_soon_as_it_is(
    uploads: Uploads, storage: Executor, tmp_path: Path
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 40
            yield b"x" * 40

    with pytest.raises(UploadTooLarge, match="limit of 100 bytes"):
        await uploads.keep("ada", endless())
    assert sent == 120
    assert await left(storage, tmp_path) == []


async def test_all_files_together_have_a_limit(uploads: Uploads) -> None:
    first = await uploads.keep("ada", source(b"x" * 100))
    await uploads.keep("bob", source(b"x" * 100))
    with pytest.raises(UploadsFull, match="no room"):
        await uploads.keep("eve", source(b"x" * 51))
    assert uploads.statistics().bytes_held == 200
    assert await uploads.remove("ada", first.id)
    assert not await uploads.remove("ada", first.id)
    await uploads.keep("eve", source(b"x" * 100))


async def test_no_more_than_so_many_upload_at_a_time(uploads: Uploads) -> None:
    held = Held()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(LIMITS.max_at_a_time):
            tasks.create_task(uploads.keep("ada", held.chunks()))
        await held.taken.wait()
        with pytest.raises(UploadsFull, match="2 uploads are under way"):
            await uploads.keep("ada", source(b"x"))
        held.go_on.set()
    await uploads.keep("ada", source(b"x"))


async def test_a_slow_upload_ends_at_its_deadline(storage: Executor, tmp_path: Path) -> None:
    uploads = Uploads(storage, tmp_path, replace(LIMITS, deadline=0.05))
    with pytest.raises(UploadTooSlow, match=r"0\.05 s"):
        await uploads.keep("ada", Held().chunks())
    assert uploads.statistics().under_way == 0
    assert await left(storage, tmp_path) == []


async def test_a_name_that_is_taken_harms_neither_file(storage: Executor, tmp_path: Path) -> None:
    uploads = Uploads(storage, tmp_path, LIMITS, new_id=lambda: "a" * 32)
    held = Held()
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(uploads.keep("ada", held.chunks()))
        await held.taken.wait()
        with pytest.raises(FileExistsError):
            await uploads.keep("ada", source(b"other"))
        held.go_on.set()
    assert await asyncio.to_thread(keeping.result().path.read_bytes) == b"firstsecond"


async def test_a_borrowed_file_goes_with_its_block(
    uploads: Uploads, storage: Executor, tmp_path: Path
) -> None:
    async with uploads.borrow(source(b"x")) as upload:
        assert await asyncio.to_thread(upload.path.read_bytes) == b"x"
    assert uploads.statistics().bytes_held == 0
    assert await left(storage, tmp_path) == []


async def test_what_a_killed_process_left_goes_and_what_was_kept_counts(
    uploads: Uploads, storage: Executor, tmp_path: Path
) -> None:
    kept = await uploads.keep("ada", source(b"x" * 60))
    await asyncio.to_thread(kept.path.with_name("f" * 32 + ".part").write_bytes, b"half")
    lent = uploads.borrow(source(b"y"))
    await lent.__aenter__()  # and the process is killed

    again = Uploads(storage, tmp_path, LIMITS)
    await again.open()
    assert again.statistics().bytes_held == 60
    assert await left(storage, tmp_path) == [kept.id]
    del lent


async def test_a_full_executor_keeps_nothing_behind_for_long(tmp_path: Path) -> None:
    small = Executor(ExecutorSettings(name="storage", threads=1, max_waiting=1))
    await small.open()
    uploads = Uploads(small, tmp_path, LIMITS)
    gate = threading.Event()
    held = Held()
    keeping = asyncio.create_task(uploads.keep("ada", held.chunks()))
    await held.taken.wait()
    blockers = [small.submit(gate.wait), small.submit(gate.wait)]
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert uploads.statistics().leftovers == 1
    with pytest.raises(ExecutorSaturated):
        await uploads.keep("ada", source(b"x"))
    gate.set()
    for blocker in blockers:
        await asyncio.wrap_future(blocker)
    kept = await uploads.keep("ada", source(b"x"))
    assert uploads.statistics().leftovers == 0
    assert await left(small, tmp_path) == [kept.id]


async def test_the_event_loop_runs_while_the_disk_does_not(tmp_path: Path) -> None:
    """Fails if a file is written on the event loop: then nothing would be left to open the gate."""
    gate = threading.Event()
    stuck = Executor(ExecutorSettings(name="storage", threads=1, max_waiting=10))
    await stuck.open()
    stuck.submit(gate.wait)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(Uploads(stuck, tmp_path, LIMITS).keep("ada", source(b"x")))
        await until(lambda: stuck.statistics().waiting > 0)
        assert not keeping.done()
        gate.set()
    assert keeping.result().size == 1
    await stuck.aclose()


async def test_each_piece_is_written_by_the_executor_and_by_no_one_else(tmp_path: Path) -> None:
    """Fails if a piece is written on the event loop: then it is there though the disk's threads are stuck."""
    gate = threading.Event()
    storage = Executor(ExecutorSettings(name="storage", threads=1, max_waiting=10))
    await storage.open()
    held = Held()
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(Uploads(storage, tmp_path, LIMITS).keep("ada", held.chunks()))
        await held.taken.wait()
        storage.submit(gate.wait)
        await until(lambda: storage.statistics().running == 1)
        held.go_on.set()
        await until(lambda: storage.statistics().waiting == 1)
        (partial,) = await asyncio.to_thread(lambda: list(tmp_path.rglob("*.part")))
        assert await asyncio.to_thread(partial.read_bytes) == b"first"
        gate.set()
    assert await asyncio.to_thread(keeping.result().path.read_bytes) == b"firstsecond"
    await storage.aclose()
