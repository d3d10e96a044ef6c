"""Keeps the attempts of a task as compact text on its row, the latest 100; it touches no database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.engine.attempts import Attempt

MAX_ATTEMPTS = 100

_COMPACT = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One attempt that ended, for people. Times are seconds since the epoch."""

    number: int
    """1 is the task's first attempt."""
    schedule_time: float
    dispatch_time: float
    response_time: float
    status: int
    """HTTP status, synthesised where no response came."""
    detail: str
    """Why there was no response; empty where there was one."""


def entry(attempt: Attempt) -> str:
    """The attempt as one element of a history. Histories are elements joined by commas."""
    times = (attempt.schedule_time, attempt.dispatch_time, attempt.response_time)
    return _COMPACT.encode([*times, attempt.status, attempt.detail])


def appended(history: str | None, latest: str, *, attempts: int) -> str:
    """The history with one more element, which makes it one of `attempts`; the oldest leave beyond 100."""
    if history is None:
        return latest
    if attempts <= MAX_ATTEMPTS:
        return f"{history},{latest}"
    kept = [*json.loads(f"[{history}]"), json.loads(latest)][-MAX_ATTEMPTS:]
    return _COMPACT.encode(kept)[1:-1]


def records(history: str | None, *, attempts: int) -> Sequence[AttemptRecord]:
    """The latest of a task's `attempts` that ended, oldest first."""
    kept = json.loads(f"[{history or ''}]")[-MAX_ATTEMPTS:]
    return tuple(
        AttemptRecord(
            number=number,
            schedule_time=schedule_time,
            dispatch_time=dispatch_time,
            response_time=response_time,
            status=status,
            detail=detail,
        )
        for number, (schedule_time, dispatch_time, response_time, status, detail) in enumerate(
            kept, start=attempts - len(kept) + 1
        )
    )
