"""What concerns many targets, as Pub/Sub carries it: typed events, each on a topic of its name. Pure, no I/O.

A topic's one push subscription leads to the handlers, which turn an event into one task for each target.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field

from contracts.errors import ContractError, InvalidEvent, Undecodable
from contracts.identity import identity_of
from contracts.versioned import Versioned
from contracts.webhooks import Conversation, MemoryCreated, RealtimeTranscript, TranscriptSegment

TRACE = "traceparent"
"""The attribute of the trace in which the event was told, as W3C Trace Context writes it."""


_VERSION = re.compile(r"[1-9][0-9]{0,8}\Z")


class Event(Versioned):
    """Something that happened. A subclass's `name` is the id of its topic."""

    _noun: ClassVar[str] = "event"
    _invalid: ClassVar[type[ContractError]] = InvalidEvent
    _reserved: ClassVar[tuple[str, ...]] = (
        *("name", "version", "upcasters", "identity", "owner", "to_payload", "from_payload"),
        *("to_message", "from_message"),
    )

    @abstractmethod
    def identity(self) -> str:
        """Name the event (see `identity_of`); equal for the same event, whoever tells it again."""

    @abstractmethod
    def owner(self) -> str:
        """The user whose data the event carries."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._check_type()

    def to_message(self, *, trace: str | None) -> tuple[bytes, dict[str, str]]:
        """Data and attributes of the Pub/Sub message; raises `InvalidTask` where the identity is too long.

        The attributes tell what can be known of a message without its payload.
        """
        attributes = {
            "event": self.name,
            "version": str(self.version),
            "identity": self.identity(),
            "owner": self.owner(),
        }
        return self.to_payload(), attributes | ({TRACE: trace} if trace else {})

    @classmethod
    def from_message(cls, data: bytes, attributes: Mapping[str, str]) -> Self:
        """Read a message of `to_message`.

        Raises:
            NewerVersion: newer code wrote it.
            Undecodable: it is no event of this type.
        """
        if attributes.get("event") != cls.name:
            raise Undecodable(
                f"attribute 'event' is {attributes.get('event')!r} and not {cls.name!r}, its topic", data
            )
        version = attributes.get("version", "")
        if not _VERSION.match(version):
            raise Undecodable(f"attribute 'version' of an event is {version[:20]!r} and no version", data)
        return cls.from_payload(data, int(version))


class ConversationCreated(Event):
    """A conversation was processed and stored."""

    name: ClassVar[str] = "conversation-created"

    uid: str = Field(min_length=1, max_length=128)
    conversation: Conversation
    revision: int = Field(default=0, ge=0)
    """Raised when the conversation was rebuilt: a rebuild is a new event, not a repetition."""

    def identity(self) -> str:
        return identity_of(self.uid, self.conversation.id, self.revision)

    def owner(self) -> str:
        return self.uid

    def as_webhook(self) -> MemoryCreated:
        """The same as a webhook tells it."""
        return MemoryCreated(conversation=self.conversation, revision=self.revision)


class TranscriptFlushed(Event):
    """A running stream produced segments: one flush of it."""

    name: ClassVar[str] = "transcript-flushed"

    uid: str = Field(min_length=1, max_length=128)
    stream_id: str = Field(min_length=1, max_length=128)
    """Minted when the stream was connected."""
    sequence: int = Field(ge=0)
    """Counts the stream's flushes."""
    segments: tuple[TranscriptSegment, ...] = Field(min_length=1)

    def identity(self) -> str:
        return identity_of(self.uid, self.stream_id, self.sequence)

    def owner(self) -> str:
        return self.uid

    def as_webhook(self) -> RealtimeTranscript:
        """The same as a webhook tells it."""
        return RealtimeTranscript(stream_id=self.stream_id, sequence=self.sequence, segments=self.segments)
