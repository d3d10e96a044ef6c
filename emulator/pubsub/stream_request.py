"""Checks the requests of a StreamingPull; pure, and it does nothing that they ask for."""

from __future__ import annotations

from dataclasses import dataclass

from google.pubsub_v1 import types

from emulator.errors import InvalidArgumentError
from emulator.pubsub import names
from emulator.pubsub.resources import LONGEST_ACK_DEADLINE

SHORTEST_STREAM_DEADLINE = 10  # seconds

_FIRST_ALONE = (
    "subscription",
    "client_id",
    "max_outstanding_messages",
    "max_outstanding_bytes",
    "protocol_version",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """What the first request of a stream sets. 0 messages or bytes are no limit."""

    subscription: str
    ack_deadline: int
    max_messages: int
    max_bytes: int
    answers_keep_alives: bool


def opened_by(request: types.StreamingPullRequest) -> StreamSettings:
    """Raises INVALID_ARGUMENT."""
    if not request.subscription:
        raise InvalidArgumentError(
            "StreamingPullRequest.subscription is empty: the first request of a stream must set it."
        )
    if not request.stream_ack_deadline_seconds:
        raise InvalidArgumentError(
            "StreamingPullRequest.stream_ack_deadline_seconds is not set: the first request of a stream must "
            f"set it, to {SHORTEST_STREAM_DEADLINE} to {LONGEST_ACK_DEADLINE} seconds."
        )
    _check(request)
    return StreamSettings(
        subscription=names.check_subscription(request.subscription),
        ack_deadline=request.stream_ack_deadline_seconds,
        max_messages=max(0, request.max_outstanding_messages),
        max_bytes=max(0, request.max_outstanding_bytes),
        answers_keep_alives=request.protocol_version >= 1,
    )


def check_later(request: types.StreamingPullRequest) -> None:
    """A request that is not the first. Raises INVALID_ARGUMENT."""
    for field in _FIRST_ALONE:
        if getattr(request, field):
            raise InvalidArgumentError(
                f"StreamingPullRequest.{field} is set on a later request: set it on the first one alone."
            )
    _check(request)


def _check(request: types.StreamingPullRequest) -> None:
    seconds = request.stream_ack_deadline_seconds
    if seconds and not SHORTEST_STREAM_DEADLINE <= seconds <= LONGEST_ACK_DEADLINE:
        raise InvalidArgumentError(
            f"StreamingPullRequest.stream_ack_deadline_seconds is {seconds}: "
            f"give {SHORTEST_STREAM_DEADLINE} to {LONGEST_ACK_DEADLINE} seconds."
        )
    ids, ends = len(request.modify_deadline_ack_ids), len(request.modify_deadline_seconds)
    if ids != ends:
        raise InvalidArgumentError(
            f"StreamingPullRequest has {ids} modify_deadline_ack_ids and {ends} modify_deadline_seconds: "
            "give one number of seconds for each id."
        )
