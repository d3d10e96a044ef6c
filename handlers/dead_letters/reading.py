"""Makes a dead letter of whatever a dead-letter subscription pushes; it refuses and loses nothing.

Pushing again what cannot be read would not mend it, and giving it up would lose it: it becomes a letter
of its own, with the bytes as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from contracts import DeadLetter, Undecodable
from handlers.delivery import Reason
from handlers.push import Pushed, read_push

EVENT_UNDELIVERED = "event-undelivered"
"""The reason of an event that its subscription's own dead-letter policy gave up."""

_SOURCE = "CloudPubSubDeadLetterSource"
"""Attributes that Pub/Sub adds when it forwards (cloud.google.com/pubsub/docs/handling-failures)."""
_FORWARDED = (
    f"{_SOURCE}DeliveryCount",
    f"{_SOURCE}Subscription",
    f"{_SOURCE}SubscriptionProject",
    f"{_SOURCE}TopicPublishTime",
)


def read_letter(headers: Mapping[str, str], body: bytes, now: datetime) -> DeadLetter:
    """The letter in a push request: ours, an undelivered event's, or one about the request itself.

    Args:
        headers: names in lower case.
    """
    try:
        pushed = read_push(headers, body)
    except Undecodable as error:
        return _unread(body, told_by=headers.get("ce-id", ""), queue="", detail=error.detail, died_at=now)
    try:
        return DeadLetter.from_message(pushed.data, pushed.attributes)
    except Undecodable as error:
        died_at = pushed.published_at or now
        if pushed.attribute(f"{_SOURCE}Subscription"):
            return _undelivered(pushed, died_at)
        return _unread(
            pushed.to_json(),
            told_by=pushed.message_id,
            queue=pushed.subscription,
            detail=error.detail,
            died_at=died_at,
        )


def original(pushed: Pushed) -> tuple[bytes, dict[str, str]]:
    """Data and attributes as they were published, before a dead-letter policy added its own."""
    ours = {name.lower() for name in _FORWARDED}
    return pushed.data, {name: value for name, value in pushed.attributes.items() if name.lower() not in ours}


def _undelivered(pushed: Pushed, died_at: datetime) -> DeadLetter:
    count, subscription, _, published = (pushed.attribute(name) or "" for name in _FORWARDED)
    return DeadLetter.of_event(
        pushed.to_json(),
        message_id=pushed.message_id,
        subscription=subscription,
        deliveries=int(count) if count.isascii() and count.isdigit() else 1,
        owner=pushed.attribute("owner") or "",
        reason=EVENT_UNDELIVERED,
        detail=f"subscription {subscription} gave it up after {count or 'some'} deliveries",
        published_at=_moment(published),
        died_at=died_at,
    )


def _unread(body: bytes, *, told_by: str, queue: str, detail: str, died_at: datetime) -> DeadLetter:
    return DeadLetter.of_bytes(
        body,
        type_name="unknown",
        task_name=told_by,
        queue=queue,
        reason=Reason.UNDECODABLE,
        detail=detail,
        died_at=died_at,
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
