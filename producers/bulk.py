"""Accepts one notification for any number of users. Splits and enqueues it; looks no device up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contracts import BulkNotification
from producers.enqueue import enqueue_many
from producers.receipt import Receipt


async def notify_many(
    uids: Iterable[str],
    *,
    event: str,
    subject: str,
    title: str,
    body: str,
    data: Mapping[str, str] | None = None,
    link: str | None = None,
) -> tuple[Receipt, ...]:
    """Tell all these users the same, 500 to a task; the fields are those of `Notification`.

    Doing it again for the same event tells nobody twice, whatever has become of the list meanwhile.

    Raises:
        ValueError: a field is not valid (pydantic's).
        PartlyEnqueued: some tasks were not accepted; doing all of it again is safe.
        NotOpen: no producer is open on this event loop.
    """
    tasks = BulkNotification.of(
        uids, event=event, subject=subject, title=title, body=body, data=data, link=link
    )
    return await enqueue_many(tasks)
