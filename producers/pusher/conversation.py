"""What happens when a conversation ends: its address, its processing, and who is told. It stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contracts import (
    Conversation,
    ConversationCreated,
    Coordinates,
    DeveloperWebhook,
    Geocode,
    TranscriptSegment,
)
from lanes import Executor
from producers.enqueue import enqueue, publish_event
from producers.errors import GeocodingFailed
from producers.geocoding import Geocoder
from producers.pusher.keeping import Keeping
from stores import Address, StoreUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedConversation:
    """What processing is given."""

    uid: str
    stream_id: str
    conversation_id: str
    segments: Sequence[TranscriptSegment]
    at: Coordinates | None
    address: Address | None
    """None where there is no point, no address, or none yet: a `Geocode` task then finds it."""


Process = Callable[[EndedConversation], Conversation]
"""Runs in a thread of the `critical` executor; equal for equal conversations, since it may be asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversations:
    critical: Executor
    process: Process
    deadline: float = 60.0
    """Seconds for the wait for a thread and the processing."""
    geocoder: Geocoder | None = None
    """Where processing needs the address now; without it, a task finds it later."""

    async def end(
        self,
        uid: str,
        stream_id: str,
        conversation_id: str,
        at: Coordinates | None,
        segments: Sequence[TranscriptSegment],
        keeping: Keeping,
    ) -> None:
        """Raises LaneError (no thread, or too slow), CannotKeep, and what `process` raises."""
        address, is_known = await self._address(at)
        ended = EndedConversation(
            uid=uid,
            stream_id=stream_id,
            conversation_id=conversation_id,
            segments=segments,
            at=at,
            address=address,
        )
        conversation = await self.critical.run_within(self.deadline, self.process, ended)
        created = ConversationCreated(uid=uid, conversation=conversation)

        async def attempt() -> None:
            if at is not None and not is_known:
                await enqueue(Geocode(uid=uid, conversation_id=conversation.id, at=at))
            await enqueue(DeveloperWebhook(uid=uid, event=created.as_webhook()))
            await publish_event(created)

        await keeping.keep(attempt)

    async def _address(self, at: Coordinates | None) -> tuple[Address | None, bool]:
        """The address, and whether that is all there is to know."""
        if at is None:
            return None, True
        if self.geocoder is None:
            return None, False
        try:
            return await self.geocoder.lookup(at), True
        except (GeocodingFailed, StoreUnavailable):
            return None, False
