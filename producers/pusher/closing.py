"""Why a stream ends, as its close frame says: one code and one sentence for each reason. Pure.

Codes from 4000 are a protocol's own (RFC 6455, 7.4.2); ours end as the HTTP status of the same meaning.
"""

from __future__ import annotations

from enum import Enum

MAX_REASON = 123
"""Bytes of a close frame's reason (RFC 6455, 5.5)."""


class Close(Enum):
    """A close code, and what to do about it."""

    DONE = 1000, "the stream has ended"
    TOO_LARGE = 1009, "a frame is too large: send less in one"
    INVALID = 4400, "too many bad frames: mend them as their error frames say, then connect again"
    NOT_SIGNED_IN = 4401, "no valid token: sign in, and connect again with its ID token"
    NOT_YOURS = 4403, "this is another user's stream: use your own uid"
    IDLE = 4408, "no frame for too long: send a ping now and then, and connect again"
    SLOW_READER = 4413, "you do not read what you are sent: read, and connect again"
    TOO_MANY = 4429, "too many streams or connects: come back in a few seconds"
    BUG = 4500, "a fault of ours: connect again, and send what was not flushed"
    CANNOT_KEEP = 4503, "nothing can be kept at the moment: come back, and send what was not flushed"

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason


class Ended(Exception):
    """A part of a stream ends all of it, for this reason."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close
