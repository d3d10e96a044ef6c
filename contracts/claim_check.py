"""The claim check: what a task carries in the place of a payload that is too large to ride in it. Pure.

The payload itself lies in the blob store, under the digest of whose it is and of what it is. The first
line of the envelope is the same either way.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from contracts.errors import Undecodable

_MARK = b"blob:"
"""No payload starts so: payloads are JSON objects."""
_REFERENCE = re.compile(rb"blob:([0-9a-f]{32})/([0-9a-f]{64})/([0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class BlobReference:
    """Where a payload lies, and what it must be."""

    owner: str
    """`owner_digest` of the user whose data it is."""
    sha256: str
    """Of the payload, in hex."""
    size: int
    """Of the payload, in bytes."""

    @classmethod
    def of(cls, payload: bytes, *, owner: str) -> Self:
        """The reference to this payload; `owner` is the user's id, or empty."""
        return cls(owner_digest(owner), hashlib.sha256(payload).hexdigest(), len(payload))

    @classmethod
    def read(cls, payload: bytes) -> Self | None:
        """The reference that a task carries as its payload; None where it carries the payload itself.

        Raises:
            Undecodable: it starts as a reference does, and is none.
        """
        if not payload.startswith(_MARK):
            return None
        found = _REFERENCE.fullmatch(payload)
        if found is None:
            raise Undecodable("the payload line starts with 'blob:' and is no reference to a blob", payload)
        owner, sha256, size = found.groups()
        return cls(owner.decode(), sha256.decode(), int(size))

    @property
    def key(self) -> str:
        """The blob's name in a store."""
        return f"{self.owner}/{self.sha256}"

    def encode(self) -> bytes:
        """The payload line of the task."""
        return f"blob:{self.key}/{self.size}".encode()


def owner_digest(owner: str) -> str:
    """What stands for a user in the names of blobs, which show in logs and listings where ids must not."""
    return hashlib.sha256(b"owner\n" + owner.encode()).hexdigest()[:32]
