"""The push notification to a user's devices, and the name of what it tells of. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar

from pydantic import Field

from contracts.identity import identity_of
from contracts.task import Task


class Notification(Task):
    """Tell a user something on all devices, or on one of them."""

    name: ClassVar[str] = "notification"
    queue: ClassVar[str] = "notifications"

    uid: str = Field(min_length=1, max_length=128)
    event: str = Field(min_length=1, max_length=400)
    """Identity of the event that it tells of; telling it again is the same notification."""
    subject: str = Field(min_length=1, max_length=128)
    """Id of what it is about (a conversation, an app): equal notifications about one subject collapse."""
    title: str = Field(min_length=1, max_length=200)
    body: str = Field(max_length=2000)
    data: dict[str, str] = Field(default={}, max_length=32)
    """For the app on the device; FCM takes strings alone."""
    link: str | None = Field(default=None, pattern=r"^https://", max_length=2000)
    """What a click opens in a browser; FCM refuses a whole message with another scheme."""
    device: str | None = Field(default=None, pattern=r"^[0-9a-f]{16}$")
    """Id of the one device that is meant; None: every device that the user has when it is sent."""

    def identity(self) -> str:
        digest = hashlib.sha256(self.event.encode()).hexdigest()[:32]
        return identity_of(self.uid, digest, *((self.device,) if self.device else ()))

    def target(self) -> str:
        """FCM takes all devices alike: it is away, or over its quota, for all of them."""
        return "fcm"

    def owner(self) -> str:
        return self.uid

    @property
    def collapse_key(self) -> str:
        """Equal for equal words about one subject: a device shows the last one alone."""
        words = json.dumps([self.uid, self.title, self.body, self.subject])
        return hashlib.sha256(words.encode()).hexdigest()[:32]
