"""Keeps the encryption key that a location is set to, and says it again; it encrypts nothing."""

from __future__ import annotations

import re
import sqlite3

from google.cloud.tasks_v2.types import cloudtasks, cmek_config

from emulator.engine import names
from emulator.errors import InvalidArgumentError
from emulator.grpc_api import Methods
from emulator.store import Store
from emulator.tasks.messages import Pb

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS cmek_configs (
        name TEXT PRIMARY KEY,
        kms_key TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)

_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_PATHS = frozenset({"kms_key", "kmsKey"})

CmekConfig: Pb = cmek_config.CmekConfig.pb()


class CmekConfigs:
    """UpdateCmekConfig and GetCmekConfig: one config a location, without a key until one is set."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def methods(self) -> Methods:
        requests: Pb = cloudtasks
        return {
            "UpdateCmekConfig": (requests.UpdateCmekConfigRequest.pb(), self.update),
            "GetCmekConfig": (requests.GetCmekConfigRequest.pb(), self.get),
        }

    async def update(self, request: Pb) -> Pb:
        """Set the key, or none with an empty one; no mask means all fields. Raises InvalidArgumentError."""
        name, key = str(request.cmek_config.name), str(request.cmek_config.kms_key)
        _check_name(name)
        paths = set(request.update_mask.paths)
        if unknown := paths - _PATHS - {"name", "*"}:
            raise InvalidArgumentError(
                f"Invalid field path in update_mask: {min(unknown)!r} is no field of a CmekConfig: "
                f"give kms_key."
            )
        if paths and not paths & (_PATHS | {"*"}):
            return await self._read(name)
        if key and not _KEY.fullmatch(key):
            raise InvalidArgumentError(
                'CmekConfig.kmsKey must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/'
                'keyRings/<KEY_RING_ID>/cryptoKeys/<KEY_ID>", or empty.'
            )

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO cmek_configs VALUES (?, ?)", (name, key))

        await self._store.write(write)
        return CmekConfig(name=name, kms_key=key)

    async def get(self, request: Pb) -> Pb:
        """Raises InvalidArgumentError."""
        _check_name(request.name)
        return await self._read(str(request.name))

    async def _read(self, name: str) -> Pb:
        def read(connection: sqlite3.Connection) -> str:
            row = connection.execute("SELECT kms_key FROM cmek_configs WHERE name = ?", (name,)).fetchone()
            return row[0] if row else ""

        return CmekConfig(name=name, kms_key=await self._store.read(read))


def _check_name(name: str) -> None:
    location, slash, last = name.rpartition("/")
    if not slash or last != "cmekConfig":
        raise InvalidArgumentError(
            'CmekConfig name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/cmekConfig".'
        )
    names.check_location(location)
