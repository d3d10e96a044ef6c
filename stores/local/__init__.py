"""The blob store on one machine: files in a folder."""

from __future__ import annotations

from stores.local.blobs import LocalBlobs

__all__ = ("LocalBlobs",)
