"""The blob store in production: objects of a Cloud Storage bucket."""

from __future__ import annotations

from stores.cloud_storage.blobs import CloudBlobs

__all__ = ("CloudBlobs",)
