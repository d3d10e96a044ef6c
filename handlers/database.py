"""Opens the stores that the settings name, for the services and the commands alike. Knows no store itself."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from handlers.settings import HandlerSettings
from stores import Stores, open_stores


def open_database(settings: HandlerSettings) -> AbstractAsyncContextManager[Stores]:
    """Every store, until the block ends; raises what `stores.open_stores` does."""
    return open_stores(settings.database, project=settings.project, emulator=settings.firestore_emulator_host)
