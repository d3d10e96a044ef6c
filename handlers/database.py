"""Opens the stores that the settings name, for the services and the commands alike. Knows no store itself."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from handlers.settings import HandlerSettings
from lanes import Executor
from stores import Stores, open_stores
from stores.blob_location import open_blobs
from stores.local import LocalBlobs

if TYPE_CHECKING:
    from stores.cloud_storage import CloudBlobs


def open_database(settings: HandlerSettings) -> AbstractAsyncContextManager[Stores]:
    """Every store, until the block ends; raises what `stores.open_stores` does."""
    return open_stores(settings.database, project=settings.project, emulator=settings.firestore_emulator_host)


def open_payloads(
    settings: HandlerSettings, storage: Executor | None = None
) -> AbstractAsyncContextManager[LocalBlobs | CloudBlobs]:
    """The blob store, until the block ends; see `stores.blob_location.open_blobs`."""
    return open_blobs(
        settings.blobs, storage, project=settings.project, emulator=settings.storage_emulator_host
    )
