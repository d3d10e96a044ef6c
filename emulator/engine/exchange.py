"""Holds one dispatch as it travels: the HTTP request, and how it ended. It sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What a task asks to be sent. Header names keep the caller's case; the body may be empty."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    source: str = ""
    """Full name of the queue or subscription that it comes from."""
    follow_redirects: bool = False
    """Whether a redirect is followed, within the same deadline, or an answer as any other."""


@dataclass(frozen=True, slots=True)
class Response:
    """The target answered with this status; its body means nothing to a queue."""

    status: int
    retry_after: float | None = None
    """Seconds for which it asks not to be called again."""


class FailureReason(StrEnum):
    """Why there is no response."""

    TIMEOUT = "deadline exceeded"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Failure:
    """The target did not answer; `detail` is for people."""

    reason: FailureReason
    detail: str


End = Response | Failure
"""How a dispatch ended."""


class Sender(Protocol):
    """Sends one request to its target."""

    async def send(self, request: HttpRequest, deadline: float) -> End:
        """Return how it ended, after at most `deadline` seconds. Raises nothing but cancellation."""
