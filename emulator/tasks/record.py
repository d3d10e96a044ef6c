"""Records how an attempt ended, as one job of the store: counts, history, and what becomes of the task.

Attempts are counted from the row as it is on disk, so that two attempts of one task that are under way at
once both count. It decides nothing but by `judge`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from emulator.engine.attempts import Attempts, Completed, Exhausted, RetryAt, Verdict, is_success, judge
from emulator.engine.exchange import End
from emulator.engine.settings import RetryConfig
from emulator.tasks import attempt_rows, dead_rows, history, tables


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAttempt:
    """An attempt of the task `key` that ended. Times are seconds since the epoch."""

    queue: int
    key: int
    end: End
    schedule_time: float
    dispatch_time: float
    response_time: float
    retry: RetryConfig
    app_engine: bool
    """Whether the task's target is an App Engine app."""
    forced_at: float | None
    """When RunTask was called, for an attempt that it began."""
    hold_back: float
    """Seconds for which the task does not go again."""

    def after(self, attempts: Attempts) -> Attempts:
        return attempts.followed_by(
            self.end,
            schedule_time=self.schedule_time,
            dispatch_time=self.dispatch_time,
            response_time=self.response_time,
            app_engine=self.app_engine,
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the task, None where it had ended before; and why, where it died."""

    verdict: Verdict | None
    reason: str = ""
    dead_dropped: int = 0
    """Older dead tasks that left for it."""


def record(connection: sqlite3.Connection, ended: EndedAttempt) -> Recorded:
    """Put the end on disk. A success is one statement, since nearly every attempt is one."""
    if is_success(ended.end):
        latest = ended.after(Attempts()).last
        is_there = attempt_rows.complete(
            connection, ended.key, now=ended.response_time, entry=history.entry(latest) if latest else ""
        )
        return Recorded(Completed() if is_there else None)
    found = attempt_rows.find(connection, ended.key)
    if found is None:
        return Recorded(None)
    attempts = ended.after(found.attempts)
    verdict = judge(
        ended.end,
        attempts,
        ended.retry,
        now=ended.response_time,
        forced_at=ended.forced_at,
        hold_back=ended.hold_back,
    )
    again = verdict.schedule_time if isinstance(verdict, RetryAt) else ended.schedule_time
    attempt_rows.record(connection, ended.key, attempts, history=found.history, schedule_time=again)
    if not isinstance(verdict, Exhausted):
        return Recorded(verdict)
    reason = _reason(attempts)
    dead_rows.bury(connection, [ended.key], now=ended.response_time, reason=reason)
    tables.end_task(connection, ended.key, now=ended.response_time)
    return Recorded(verdict, reason, dead_rows.drop_oldest(connection, ended.queue))


def _reason(attempts: Attempts) -> str:
    last = attempts.last
    ended = f"the last one ended with {last.status if last else 0}"
    detail = f" ({last.detail})" if last and last.detail else ""
    return f"its attempts ({attempts.dispatch_count}) are used up, {ended}{detail}"
