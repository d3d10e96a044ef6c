"""A task that was given up: the whole of it and the reason, as Pub/Sub carries and stores keep it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from contracts.envelope import Envelope
from contracts.errors import Undecodable

EVENT_TYPE = "event"
"""What stands for the task type in the dead letter of an event, which is no task."""
MAX_ATTRIBUTE_BYTES = 1024
"""Longest value of a Pub/Sub attribute (documented limit)."""


class DeadLetter(BaseModel):
    """One task that no further attempt is made for."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    """Equal for the same death told twice: the key under which stores keep it once."""
    type: str
    identity: str
    """Empty where the envelope could not be read."""
    generation: int = Field(ge=0)
    attempt: int = Field(ge=1)
    queue: str
    """The catalog's queue, never its `-retry` sibling."""
    target: str
    """Empty where the payload could not be read."""
    owner: str = ""
    """The user whose data it holds; empty where that is nobody, or not known."""
    reason: str
    detail: str
    accepted_at: AwareDatetime | None
    died_at: AwareDatetime
    body: bytes = Field(repr=False)
    """The envelope as it arrived, byte for byte."""

    @classmethod
    def of(
        cls,
        envelope: Envelope,
        *,
        queue: str,
        target: str,
        reason: str,
        detail: str,
        died_at: datetime,
        owner: str = "",
    ) -> Self:
        """The dead letter of a task whose envelope could be read."""
        return cls(
            id=_digest(envelope.type, envelope.identity, str(envelope.generation)),
            type=envelope.type,
            identity=envelope.identity,
            generation=envelope.generation,
            attempt=envelope.attempt,
            queue=queue,
            target=target,
            owner=owner,
            reason=reason,
            detail=_shorten(detail),
            accepted_at=envelope.accepted_at,
            died_at=died_at,
            body=envelope.encode(),
        )

    @classmethod
    def of_bytes(
        cls,
        body: bytes,
        *,
        type_name: str,
        task_name: str,
        queue: str,
        reason: str,
        detail: str,
        died_at: datetime,
    ) -> Self:
        """The dead letter of a body that is no envelope; `task_name` tells two equal bodies apart."""
        return cls(
            id=_digest(task_name, hashlib.sha256(body).hexdigest()),
            type=type_name,
            identity="",
            generation=0,
            attempt=1,
            queue=queue,
            target="",
            reason=reason,
            detail=_shorten(detail),
            accepted_at=None,
            died_at=died_at,
            body=body,
        )

    @classmethod
    def of_event(
        cls,
        message: bytes,
        *,
        message_id: str,
        subscription: str,
        deliveries: int,
        owner: str,
        reason: str,
        detail: str,
        published_at: datetime | None,
        died_at: datetime,
    ) -> Self:
        """The dead letter of an event that a subscription gave up delivering.

        Args:
            message: the whole message, attributes included, as it is to be published again.
            message_id: Pub/Sub's own, of the message that told of the death.
            subscription: whose consumer did not take it; it stands in the place of the queue.
        """
        return cls(
            id=_digest(EVENT_TYPE, subscription, message_id),
            type=EVENT_TYPE,
            identity=message_id,
            generation=0,
            attempt=max(deliveries, 1),
            queue=subscription,
            target="",
            reason=reason,
            detail=_shorten(detail),
            accepted_at=published_at,
            died_at=died_at,
            body=message,
            owner=owner,
        )

    def to_message(self) -> tuple[bytes, dict[str, str]]:
        """Data and attributes of the Pub/Sub message; attributes can be filtered on by subscriptions."""
        fields = self.model_dump(mode="json", exclude={"body"}, exclude_none=True)
        return self.body, {name: str(value) for name, value in fields.items()}

    @classmethod
    def from_message(cls, data: bytes, attributes: Mapping[str, str]) -> Self:
        """Read a message of `to_message`. Raises `Undecodable` where it is none."""
        try:
            return cls.model_validate({"accepted_at": None, **attributes, "body": data})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Undecodable(f"attribute {place!r} of a dead letter: {first['msg']}", data) from error


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _shorten(text: str) -> str:
    """Fit a text into a Pub/Sub attribute without cutting a character in two."""
    return text.encode()[:MAX_ATTRIBUTE_BYTES].decode(errors="ignore")
