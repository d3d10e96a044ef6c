"""The contract of a blob store, asked of a folder and of Cloud Storage through its official client."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts import BlobReference
from lanes import Executor, ExecutorSettings
from stores import BlobDamaged, BlobMissing, Blobs, BlobTooLarge, StoreClosed, StoreUnavailable
from stores.blob_location import open_blobs
from stores.blobs import MAX_BLOB_BYTES
from stores.cloud_storage import CloudBlobs
from stores.local import LocalBlobs
from tests.cloud_storage import CloudStorage, cloud_storage
from tests.storage_emulator import IS_INSTALLED, storage_emulator

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AUDIO = bytes(range(256)) * 4096
"""1 MiB that no codec may touch."""


@pytest.fixture
async def executor() -> AsyncIterator[Executor]:
    running = Executor(ExecutorSettings(name="storage", threads=2, max_waiting=64))
    await running.open()
    yield running
    await running.aclose()


@pytest.fixture
async def local(tmp_path: Path, executor: Executor) -> AsyncIterator[LocalBlobs]:
    opened = LocalBlobs(tmp_path / "blobs", executor)
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
async def service() -> AsyncIterator[CloudStorage]:
    async with cloud_storage("tasks") as running:
        yield running


@pytest.fixture
async def cloud(service: CloudStorage, executor: Executor) -> AsyncIterator[CloudBlobs]:
    opened = CloudBlobs("tasks", executor, project="p", prefix="blobs/", emulator=service.url, deadline=5.0)
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
async def emulator(executor: Executor) -> AsyncIterator[CloudBlobs]:
    if not IS_INSTALLED:
        pytest.skip("no emulator of Cloud Storage is installed; `make storage-emulator` does so")
    async with storage_emulator("tasks") as url:
        opened = CloudBlobs("tasks", executor, project="p", emulator=url)
        await opened.open()
        yield opened
        await opened.aclose()


@pytest.fixture(params=["local", "cloud", "emulator"])
def blobs(request: pytest.FixtureRequest) -> Blobs:
    opened: Blobs = request.getfixturevalue(request.param)
    return opened


def reference(payload: bytes = AUDIO, *, owner: str = "u1") -> BlobReference:
    return BlobReference.of(payload, owner=owner)


@pytest.mark.parametrize("payload", [b"\x00", AUDIO, AUDIO * 9], ids=["a byte", "1 MiB", "9 MiB"])
async def test_what_was_put_is_given_back_byte_for_byte(blobs: Blobs, payload: bytes) -> None:
    await blobs.put(reference(payload), payload, keep_until=NOW)
    await blobs.put(reference(payload), payload, keep_until=NOW)
    assert await blobs.get(reference(payload)) == payload


async def test_a_blob_that_is_not_there_is_missing(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing, match=reference().sha256):
        await blobs.get(reference())
    with pytest.raises(BlobMissing):
        await blobs.keep(reference(), until=NOW)
    await blobs.put(reference(owner="u2"), AUDIO, keep_until=NOW)
    with pytest.raises(BlobMissing):
        await blobs.get(reference())


async def test_a_payload_that_is_not_what_its_reference_says_is_not_taken(blobs: Blobs) -> None:
    with pytest.raises(BlobDamaged):
        await blobs.put(reference(b"one"), b"two", keep_until=NOW)
    with pytest.raises(BlobMissing):
        await blobs.get(reference(b"one"))


async def test_what_is_too_large_is_refused_without_a_look(blobs: Blobs) -> None:
    large = BlobReference("0" * 32, "0" * 64, MAX_BLOB_BYTES + 1)
    with pytest.raises(BlobTooLarge, match="send less"):
        await blobs.put(large, b"", keep_until=NOW)
    with pytest.raises(BlobTooLarge):
        await blobs.get(large)


async def test_erasing_a_user_removes_that_users_blobs_alone(blobs: Blobs) -> None:
    mine = [bytes([number]) for number in range(3)]
    for payload in mine:
        await blobs.put(reference(payload), payload, keep_until=NOW)
    await blobs.put(reference(owner="u10"), AUDIO, keep_until=NOW)
    assert await blobs.erase("u1", dry_run=True) == 3
    assert await blobs.get(reference(mine[0])) == mine[0]
    assert await blobs.erase("u1") == 3
    assert await blobs.erase("u1") == 0
    with pytest.raises(BlobMissing):
        await blobs.get(reference(mine[0]))
    assert await blobs.get(reference(owner="u10")) == AUDIO


async def test_one_content_put_by_many_at_once_is_whole(blobs: Blobs) -> None:
    await asyncio.gather(*(blobs.put(reference(), AUDIO, keep_until=NOW) for _ in range(8)))
    assert await blobs.get(reference()) == AUDIO


async def test_a_closed_store_says_so(local: LocalBlobs, cloud: CloudBlobs) -> None:
    for store in (local, cloud):
        await store.aclose()
        with pytest.raises(StoreClosed):
            await store.get(reference())


# How long a blob is kept.


async def test_a_folder_is_swept_of_what_is_kept_no_longer(local: LocalBlobs, tmp_path: Path) -> None:
    later = NOW + timedelta(days=1)
    await local.put(reference(b"early"), b"early", keep_until=NOW)
    await local.put(reference(b"late"), b"late", keep_until=later)
    await local.put(reference(b"u2", owner="u2"), b"u2", keep_until=NOW)
    between = NOW + timedelta(hours=1)
    assert await local.sweep(NOW) == 0
    assert await local.sweep(between, dry_run=True) == 2
    assert await local.sweep(between) == 2
    assert await local.get(reference(b"late")) == b"late"
    with pytest.raises(BlobMissing):
        await local.get(reference(b"early"))
    assert await local.sweep(later + timedelta(seconds=1)) == 1
    assert [path.name for path in await asyncio.to_thread(lambda: list((tmp_path / "blobs").iterdir()))] == [
        ".sidelane-blobs"
    ]


async def test_a_sweep_removes_what_a_killed_writer_left(local: LocalBlobs, tmp_path: Path) -> None:
    await local.put(reference(), AUDIO, keep_until=NOW)
    left = tmp_path / "blobs" / reference().owner / ".new-left"
    await asyncio.to_thread(left.write_bytes, AUDIO[:100])
    assert await local.erase("u1", dry_run=True) == 1
    assert await local.sweep(NOW) == 0
    assert not await asyncio.to_thread(left.exists)
    assert await local.get(reference()) == AUDIO


@pytest.mark.parametrize("how", ["put", "keep"])
async def test_a_folder_moves_the_end_on_and_never_back(local: LocalBlobs, how: str) -> None:
    for days in (2, 5, 1):
        if how == "put" or days == 2:
            await local.put(reference(), AUDIO, keep_until=NOW + timedelta(days=days))
        else:
            await local.keep(reference(), until=NOW + timedelta(days=days))
    assert await local.sweep(NOW + timedelta(days=4)) == 0
    assert await local.sweep(NOW + timedelta(days=6)) == 1


@pytest.mark.parametrize("how", ["put", "keep"])
async def test_a_bucket_moves_the_end_on_and_never_back(
    cloud: CloudBlobs, service: CloudStorage, how: str
) -> None:
    kept = []
    for days in (2, 5, 1):
        if how == "put" or days == 2:
            await cloud.put(reference(), AUDIO, keep_until=NOW + timedelta(days=days))
        else:
            await cloud.keep(reference(), until=NOW + timedelta(days=days))
        (stored,) = service.buckets["tasks"].values()
        kept.append(datetime.fromisoformat(stored.meta["customTime"]) - NOW)
    assert kept == [timedelta(days=2), timedelta(days=5), timedelta(days=5)]


async def test_one_content_put_by_many_is_kept_for_the_longest(
    cloud: CloudBlobs, service: CloudStorage
) -> None:
    ends = [NOW + timedelta(days=days) for days in range(4)]
    await asyncio.gather(*(cloud.put(reference(), AUDIO, keep_until=end) for end in ends))
    (stored,) = service.buckets["tasks"].values()
    assert datetime.fromisoformat(stored.meta["customTime"]) == ends[-1]


async def test_objects_lie_under_the_prefix_and_name_no_user(
    cloud: CloudBlobs, service: CloudStorage
) -> None:
    await cloud.put(reference(), AUDIO, keep_until=NOW)
    assert list(service.buckets["tasks"]) == [f"blobs/{reference().owner}/{reference().sha256}"]
    assert "u1" not in reference().owner


async def test_more_than_a_page_of_objects_is_erased(cloud: CloudBlobs, service: CloudStorage) -> None:
    await cloud.put(reference(), AUDIO, keep_until=NOW)
    (stored,) = service.buckets["tasks"].values()
    for number in range(250):
        service.buckets["tasks"][f"blobs/{reference().owner}/{number:064d}"] = stored
    assert await cloud.erase("u1", dry_run=True) == 251
    assert await cloud.erase("u1") == 251
    assert service.buckets["tasks"] == {}


# What goes wrong.


async def test_a_damaged_file_is_told_from_a_missing_one(local: LocalBlobs, tmp_path: Path) -> None:
    await local.put(reference(), AUDIO, keep_until=NOW)
    path = tmp_path / "blobs" / reference().key
    for wrong in (AUDIO[:-1], AUDIO + b"x", b"x" + AUDIO[1:]):
        await asyncio.to_thread(path.write_bytes, wrong)
        with pytest.raises(BlobDamaged, match="not what its reference says"):
            await local.get(reference())
    await local.put(reference(), AUDIO, keep_until=NOW)
    assert await local.get(reference()) == AUDIO


async def test_a_damaged_object_is_told_from_a_missing_one(cloud: CloudBlobs, service: CloudStorage) -> None:
    await cloud.put(reference(), AUDIO, keep_until=NOW)
    (stored,) = service.buckets["tasks"].values()
    for wrong in (AUDIO[:-1], AUDIO + b"x", b"x" + AUDIO[1:]):
        stored.data = wrong
        with pytest.raises(BlobDamaged):
            await cloud.get(reference())


async def test_a_folder_that_went_away_has_lost_no_blob(local: LocalBlobs, tmp_path: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, tmp_path / "blobs")
    for call in (
        local.get(reference()),
        local.put(reference(), AUDIO, keep_until=NOW),
        local.keep(reference(), until=NOW),
        local.erase("u1"),
        local.sweep(NOW),
    ):
        with pytest.raises(StoreUnavailable, match="blob folder"):
            await call


async def test_a_bucket_that_is_not_there_has_lost_no_blob(cloud: CloudBlobs, service: CloudStorage) -> None:
    service.buckets.clear()
    for call in (
        cloud.get(reference()),
        cloud.put(reference(), AUDIO, keep_until=NOW),
        cloud.keep(reference(), until=NOW),
        cloud.erase("u1"),
    ):
        with pytest.raises(StoreUnavailable, match=r"bucket tasks: .*does not exist"):
            await call


@pytest.mark.parametrize("status", [403, 503])
async def test_a_service_that_refuses_has_lost_no_blob(
    service: CloudStorage, executor: Executor, status: int
) -> None:
    blobs = CloudBlobs("tasks", executor, project="p", emulator=service.url, deadline=0.5)
    await blobs.open()
    service.away = status
    for call in (blobs.get(reference()), blobs.put(reference(), AUDIO, keep_until=NOW), blobs.erase("u1")):
        with pytest.raises(StoreUnavailable, match="bucket tasks"):
            await call
    await executor.aclose()  # a call that was given up goes on in its thread
    await blobs.aclose()


async def test_a_silent_service_has_a_total_deadline(service: CloudStorage, executor: Executor) -> None:
    blobs = CloudBlobs("tasks", executor, project="p", emulator=service.url, deadline=0.2)
    await blobs.open()
    service.silent = asyncio.Event()
    with pytest.raises(StoreUnavailable, match="bucket tasks"):
        await blobs.get(reference())
    service.silent.set()
    await executor.aclose()  # the call goes on in its thread
    await blobs.aclose()


async def test_an_upload_whose_answer_was_lost_is_found_again(
    cloud: CloudBlobs, service: CloudStorage
) -> None:
    service.lost_answers = 1
    await cloud.put(reference(), AUDIO, keep_until=NOW)
    assert len(service.buckets["tasks"]) == 1
    assert await cloud.get(reference()) == AUDIO


# Where blobs are, by the setting.


async def test_a_folder_is_named_by_its_path(tmp_path: Path) -> None:
    where = str(tmp_path / "new" / "blobs")
    async with open_blobs(where, project="p") as opened:
        await opened.put(reference(), AUDIO, keep_until=NOW)
    async with open_blobs(where, project="p") as again:
        assert await again.get(reference()) == AUDIO
    with pytest.raises(StoreClosed):
        await opened.get(reference())


@pytest.mark.parametrize(("path", "prefix"), [("", ""), ("/", ""), ("/a/b", "a/b/"), ("/a/", "a/")])
async def test_a_bucket_is_named_by_its_address(
    service: CloudStorage, executor: Executor, path: str, prefix: str
) -> None:
    async with open_blobs(f"gs://tasks{path}", executor, project="p", emulator=service.url) as opened:
        await opened.put(reference(), AUDIO, keep_until=NOW)
    assert list(service.buckets["tasks"]) == [prefix + reference().key]


async def test_a_folder_that_cannot_be_made_stops_start_up(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "file").touch)
    with pytest.raises(StoreUnavailable, match="file/blobs"):
        async with open_blobs(str(tmp_path / "file" / "blobs"), project="p"):
            pass
