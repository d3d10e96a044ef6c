"""How long a blob is kept, and where: the moment that only moves on, sweeps, names of objects."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from stores import BlobMissing
from stores.cloud_storage import CloudBlobs
from stores.local import LocalBlobs
from tests.cloud_storage import CloudStorage
from tests.stores.test_blobs import AUDIO, NOW, reference


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
    cloud: CloudBlobs, gcs: CloudStorage, how: str
) -> None:
    kept = []
    for days in (2, 5, 1):
        if how == "put" or days == 2:
            await cloud.put(reference(), AUDIO, keep_until=NOW + timedelta(days=days))
        else:
            await cloud.keep(reference(), until=NOW + timedelta(days=days))
        (stored,) = gcs.buckets["tasks"].values()
        kept.append(datetime.fromisoformat(stored.meta["customTime"]) - NOW)
    assert kept == [timedelta(days=2), timedelta(days=5), timedelta(days=5)]


async def test_one_content_put_by_many_is_kept_for_the_longest(cloud: CloudBlobs, gcs: CloudStorage) -> None:
    ends = [NOW + timedelta(days=days) for days in range(4)]
    await asyncio.gather(*(cloud.put(reference(), AUDIO, keep_until=end) for end in ends))
    (stored,) = gcs.buckets["tasks"].values()
    assert datetime.fromisoformat(stored.meta["customTime"]) == ends[-1]


async def test_objects_lie_under_the_prefix_and_name_no_user(cloud: CloudBlobs, gcs: CloudStorage) -> None:
    await cloud.put(reference(), AUDIO, keep_until=NOW)
    assert list(gcs.buckets["tasks"]) == [f"blobs/{reference().owner}/{reference().sha256}"]
    assert "u1" not in reference().owner


async def test_more_than_a_page_of_objects_is_erased(cloud: CloudBlobs, gcs: CloudStorage) -> None:
    await cloud.put(reference(), AUDIO, keep_until=NOW)
    (stored,) = gcs.buckets["tasks"].values()
    for number in range(250):
        gcs.buckets["tasks"][f"blobs/{reference().owner}/{number:064d}"] = stored
    assert await cloud.erase("u1", dry_run=True) == 251
    assert await cloud.erase("u1") == 251
    assert gcs.buckets["tasks"] == {}
