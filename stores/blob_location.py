"""Opens the blob store that a setting names: a folder, or a bucket of Cloud Storage. Keeps nothing itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lanes import STORAGE, Executor
from stores.local import LocalBlobs

if TYPE_CHECKING:
    from stores.cloud_storage import CloudBlobs

_BUCKET = "gs://"


@asynccontextmanager
async def open_blobs(
    where: str, storage: Executor | None = None, *, project: str, emulator: str | None = None
) -> AsyncIterator[LocalBlobs | CloudBlobs]:
    """Open it until the block ends.

    Args:
        where: a folder, or gs://BUCKET or gs://BUCKET/PREFIX.
        storage: its threads; without one (in a command) it has some of its own.
        project: whose quota a bucket's calls count against.
        emulator: base URL of an emulator of Cloud Storage.

    Raises:
        StoreUnavailable: the folder cannot be made, or there are no credentials for Cloud Storage.
    """
    async with AsyncExitStack() as opened:
        if storage is None:
            storage = Executor(STORAGE)
            await storage.open()
            opened.push_async_callback(storage.aclose)
        blobs = _blobs(where, storage, project, emulator)
        await blobs.open()
        opened.push_async_callback(blobs.aclose)
        yield blobs


def _blobs(where: str, storage: Executor, project: str, emulator: str | None) -> LocalBlobs | CloudBlobs:
    if not where.startswith(_BUCKET):
        return LocalBlobs(Path(where), storage)
    # Google's client takes most of a second to import, which a folder should not cost.
    from stores.cloud_storage import CloudBlobs

    bucket, _, prefix = where.removeprefix(_BUCKET).partition("/")
    prefix = prefix and prefix.rstrip("/") + "/"
    return CloudBlobs(bucket, storage, project=project, prefix=prefix, emulator=emulator)
