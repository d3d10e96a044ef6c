"""One notification for many users, and the pieces in which it travels. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field

from contracts.identity import identity_of
from contracts.notifications import Notification
from contracts.task import Task

MAX_USERS = 500
"""Of one task."""


class BulkNotification(Task):
    """Tell many users the same; each of them becomes a `Notification` of their own."""

    name: ClassVar[str] = "bulk-notification"
    queue: ClassVar[str] = "notifications"

    uids: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = Field(
        min_length=1, max_length=MAX_USERS
    )
    event: str = Field(min_length=1, max_length=400)
    subject: str = Field(min_length=1, max_length=128)
    title: str = Field(min_length=1, max_length=200)
    body: str = Field(max_length=2000)
    data: dict[str, str] = Field(default={}, max_length=32)
    link: str | None = Field(default=None, pattern=r"^https://", max_length=2000)

    def identity(self) -> str:
        return identity_of(_digest(self.event), _digest(json.dumps(self.uids)))

    def target(self) -> str:
        """Nobody is called: FCM's places and rate are those of the notifications that follow."""
        return "bulk-notifications"

    def each(self) -> tuple[Notification, ...]:
        """What each user is told; the identities are those that telling each one alone would have."""
        return tuple(
            Notification(
                uid=uid,
                event=self.event,
                subject=self.subject,
                title=self.title,
                body=self.body,
                data=self.data,
                link=self.link,
            )
            for uid in self.uids
        )

    @classmethod
    def of(
        cls,
        uids: Iterable[str],
        *,
        event: str,
        subject: str,
        title: str,
        body: str,
        data: Mapping[str, str] | None = None,
        link: str | None = None,
    ) -> Iterator[Self]:
        """As many tasks as these users need; equal for the same users, in whatever order they are."""
        everyone = sorted(set(uids))
        for start in range(0, len(everyone), MAX_USERS):
            yield cls(
                uids=tuple(everyone[start : start + MAX_USERS]),
                event=event,
                subject=subject,
                title=title,
                body=body,
                data=dict(data or {}),
                link=link,
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
