"""The contract of a blob store, asked of a folder and of Cloud Storage through its official client."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts import BlobReference
from lanes import Executor
from stores import BlobDamaged, BlobMissing, Blobs, BlobTooLarge, StoreClosed, StoreUnavailable
from stores.blob_location import open_blobs
from stores.blobs import MAX_BLOB_BYTES
from stores.cloud_storage import CloudBlobs
from stores.local import LocalBlobs
from tests.cloud_storage import CloudStorage
from tests.storage_emulator import IS_INSTALLED, storage_emulator

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AUDIO = bytes(range(256)) * 4096
"""1 MiB that no codec may touch."""


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


async def test_a_damaged_object_is_told_from_a_missing_one(cloud: CloudBlobs, gcs: CloudStorage) -> None:
    await cloud.put(reference(), AUDIO, keep_until=NOW)
    (stored,) = gcs.buckets["tasks"].values()
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


async def test_a_bucket_that_is_not_there_has_lost_no_blob(cloud: CloudBlobs, gcs: CloudStorage) -> None:
    gcs.buckets.clear()
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
    gcs: CloudStorage, executor: Executor, status: int
) -> None:
    blobs = CloudBlobs("tasks", executor, project="p", emulator=gcs.url, deadline=0.5)
    await blobs.open()
    gcs.away = status
    for call in (blobs.get(reference()), blobs.put(reference(), AUDIO, keep_until=NOW), blobs.erase("u1")):
        with pytest.raises(StoreUnavailable, match="bucket tasks"):
            await call
    await executor.aclose()  # a call that was given up goes on in its thread
    await blobs.aclose()


async def test_a_silent_service_has_a_total_deadline(gcs: CloudStorage, executor: Executor) -> None:
    blobs = CloudBlobs("tasks", executor, project="p", emulator=gcs.url, deadline=0.2)
    await blobs.open()
    gcs.silent = asyncio.Event()
    with pytest.raises(StoreUnavailable, match="bucket tasks"):
        await blobs.get(reference())
    gcs.silent.set()
    await executor.aclose()  # the call goes on in its thread
    await blobs.aclose()


async def test_an_upload_whose_answer_was_lost_is_found_again(cloud: CloudBlobs, gcs: CloudStorage) -> None:
    gcs.lost_answers = 1
    await cloud.put(reference(), AUDIO, keep_until=NOW)
    assert len(gcs.buckets["tasks"]) == 1
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
    gcs: CloudStorage, executor: Executor, path: str, prefix: str
) -> None:
    async with open_blobs(f"gs://tasks{path}", executor, project="p", emulator=gcs.url) as opened:
        await opened.put(reference(), AUDIO, keep_until=NOW)
    assert list(gcs.buckets["tasks"]) == [prefix + reference().key]


async def test_a_folder_that_cannot_be_made_stops_start_up(tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "file").touch)
    with pytest.raises(StoreUnavailable, match="file/blobs"):
        async with open_blobs(str(tmp_path / "file" / "blobs"), project="p"):
            pass
