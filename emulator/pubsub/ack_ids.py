"""Reads the ids by which messages are acknowledged; pure, and it settles none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.errors import InvalidArgumentError
from emulator.pubsub.subscriptions import Stored

_ACK_ID = re.compile(r"([1-9][0-9]{0,17})-([1-9][0-9]{0,17})-([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class AckId:
    """What an acknowledgement names: one attempt to deliver one message of one subscription."""

    subscription: int
    message: int
    attempt: int

    def __str__(self) -> str:
        return f"{self.subscription}-{self.message}-{self.attempt}"


def parse(text: str, stored: Stored) -> AckId | None:
    """None for an id that this subscription cannot have given out."""
    match = _ACK_ID.fullmatch(text)
    ack_id = AckId(*map(int, match.groups())) if match else None
    return ack_id if ack_id is not None and ack_id.subscription == stored.id else None


def parse_all(texts: Iterable[str], stored: Stored) -> list[AckId]:
    """Raises INVALID_ARGUMENT for an id that this subscription cannot have given out."""
    ack_ids = []
    for text in texts:
        ack_id = parse(text, stored)
        if ack_id is None:
            raise InvalidArgumentError(
                f"You have passed an invalid ack ID to the service (ack_id={text[:100]}). "
                "Give the ack_id of a message that was received from this subscription."
            )
        ack_ids.append(ack_id)
    return ack_ids
