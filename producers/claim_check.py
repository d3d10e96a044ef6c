"""Puts what is too large for a task into the blob store before the task is created. Creates no task.

First the blob, then the task that refers to it: a crash between the two leaves a blob that nobody needs and
that is kept no longer than others, never a task without its payload.
"""

from __future__ import annotations

from contracts import BlobReference, Envelope, Queue
from producers.errors import PayloadGone, ProducerError, TaskTooLarge, Unreachable
from stores import BlobMissing, Blobs, StoreError


class ClaimCheck:
    """Without a blob store everything over its queue's `inline_limit_bytes` is refused."""

    def __init__(self, blobs: Blobs | None) -> None:
        self._blobs = blobs

    async def settle(self, envelope: Envelope, *, owner: str, queue: Queue) -> tuple[Envelope, bytes]:
        """The envelope as it fits its queue, itself or one that refers to its payload; and its encoded form.

        Raises:
            TaskTooLarge: it is over the inline limit, and over the blob limit or without a blob store.
            Unreachable: the blob store is away.
        """
        body = envelope.encode()
        size = len(body)
        if size <= queue.inline_limit_bytes:
            return envelope, body
        if self._blobs is None:
            raise TaskTooLarge(envelope.type, queue.name, size, queue.inline_limit_bytes)
        if len(envelope.payload) > queue.blob_limit_bytes:
            limit = max(queue.blob_limit_bytes, queue.inline_limit_bytes)
            raise TaskTooLarge(envelope.type, queue.name, size, limit)
        reference = BlobReference.of(envelope.payload, owner=owner)
        try:
            await self._blobs.put(
                reference, envelope.payload, keep_until=envelope.accepted_at + queue.blob_retention
            )
        except StoreError as error:
            raise _translated(error) from error
        carried = envelope.carrying(reference.encode())
        return carried, carried.encode()

    async def renew(self, envelope: Envelope, *, queue: Queue) -> None:
        """A task whose age counts anew needs its blob for longer.

        Raises:
            PayloadGone: the blob is not there any more.
            Unreachable: the blob store is away.
        """
        reference = BlobReference.read(envelope.payload)
        if reference is None:
            return
        if self._blobs is None:
            raise PayloadGone(f"blob {reference.key}: this producer has no blob store; give it one")
        try:
            await self._blobs.keep(reference, until=envelope.accepted_at + queue.blob_retention)
        except StoreError as error:
            raise _translated(error) from error


def _translated(error: StoreError) -> ProducerError:
    if isinstance(error, BlobMissing):
        return PayloadGone(f"the task's payload is gone: {error}")
    return Unreachable(f"the blob store is away: {error}; it is safe to try again")
