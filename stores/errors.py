"""What can go wrong with what is remembered.

StoreError
├── StoreClosed         used before `open()` or after `aclose()`
├── StoreUnavailable    the storage refused or is away: try again
├── BlobMissing         the blob store answers, and has no such blob
├── BlobDamaged         a blob is not what its reference says
├── BlobTooLarge        a blob is larger than any store keeps
├── SchemaTooNew        a later release has changed the file
├── NobodyToErase       an erasure names no user
└── TooManyKeys         an endpoint would have more signing keys than it may
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of every error that `stores` raises."""


class StoreClosed(StoreError):
    """The store is not open: await its `open()` in the lifespan first, and use it before `aclose()`."""


class StoreUnavailable(StoreError):
    """The storage refused or is away. Try again, and look at the cause.

    Nothing was changed, unless the answer alone was lost on the way: every change may be made again.
    """


class SchemaTooNew(StoreError):
    """A later release has changed the file: install that one; the file was not touched."""


class TooManyKeys(StoreError):
    """An endpoint would have more signing keys than it may: let some expire, or rotate without overlap."""


class BlobMissing(StoreError):
    """The blob store answers, and has no such blob: it was erased with its owner, or kept no longer."""


class BlobDamaged(StoreError):
    """A blob is not what its reference says: restore it from a copy, then replay its task."""


class BlobTooLarge(StoreError):
    """A blob is larger than any store keeps: send less in one task."""


class NobodyToErase(StoreError):
    """An erasure names no user: what belongs to nobody is not erased so."""
