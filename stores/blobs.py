"""Keeps payloads that are too large for their task. The protocol, and what every store of it checks.

A blob is named by its content and is never changed. It is kept until a moment that may be moved on and
never back, so that two tasks with one content, a dead letter and its replay can share it. Nobody
deletes a blob by itself: it is removed some time after that moment, or with all data of its owner.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Protocol

from contracts import BlobReference
from stores.errors import BlobDamaged, BlobTooLarge

MAX_BLOB_BYTES = 64 * 1024 * 1024
"""No store takes or gives more: a blob is in memory as a whole."""
BLOB_DEADLINE = 10.0
"""Seconds for one call, its retries included."""


class Blobs(Protocol):
    """Every method raises `StoreUnavailable` where the storage is away, within `BLOB_DEADLINE`."""

    async def put(self, reference: BlobReference, payload: bytes, *, keep_until: datetime) -> None:
        """Keep the payload until then at least; on return it is durable. Doing it again is safe.

        Raises:
            BlobTooLarge, BlobDamaged: the payload is over `MAX_BLOB_BYTES`, or not what the reference says.
        """

    async def get(self, reference: BlobReference) -> bytes:
        """The payload.

        Raises:
            BlobMissing: the store answers, and has no such blob.
            BlobDamaged: what it has is not what the reference says.
            BlobTooLarge: the reference is to more than `MAX_BLOB_BYTES`.
        """

    async def keep(self, reference: BlobReference, *, until: datetime) -> None:
        """Keep the blob until then at least; a later moment that was told before stays.

        Raises:
            BlobMissing: as for `get`.
        """

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Remove every blob of this user; how many there were. With `dry_run` they stay."""


def checked_size(reference: BlobReference) -> None:
    """Raises `BlobTooLarge`."""
    if reference.size > MAX_BLOB_BYTES:
        raise BlobTooLarge(
            f"blob {reference.key} has {reference.size} bytes, at most {MAX_BLOB_BYTES} are kept; send less "
            "in one task"
        )


def verified(reference: BlobReference, payload: bytes) -> bytes:
    """The payload, where it is what the reference says; raises `BlobDamaged`."""
    if len(payload) != reference.size or hashlib.sha256(payload).hexdigest() != reference.sha256:
        raise BlobDamaged(
            f"blob {reference.key} is not what its reference says: it is {len(payload)} bytes of another "
            f"content, instead of {reference.size}; restore it, then replay the task"
        )
    return payload
