"""Remembers what speech services found out, for those who asked, and for a time. The protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from contracts import Finding, SpeechKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechResult:
    uid: str
    job_id: str
    finding: Finding
    found_at: datetime
    expires_at: datetime
    """From then on it is not found any more, and some time later gone."""


class SpeechResults(Protocol):
    """Raises `StoreUnavailable` where the storage is away."""

    async def put(self, result: SpeechResult) -> SpeechResult:
        """Keep a result, and return the one that is kept: of one job and kind the first one stands.

        So who has read a result never reads another one, though a crash runs a job twice.
        """

    async def get(self, uid: str, job_id: str, kind: SpeechKind, *, now: datetime) -> SpeechResult | None:
        """The result of a job; None where there is none, yet or any more."""

    async def erase(self, owner: str, *, dry_run: bool = False) -> int:
        """Forget this user's results; how many those were. With `dry_run` they stay."""
