"""When a task may be told to run. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from producers.errors import InvalidSchedule

MAX_AHEAD = timedelta(days=30)
"""How far ahead Cloud Tasks lets a task be scheduled."""


def check_schedule(schedule_at: datetime, now: datetime) -> None:
    """Raises `InvalidSchedule`."""
    if schedule_at.utcoffset() is None:
        raise InvalidSchedule(
            f"schedule_at {schedule_at.isoformat()} has no time zone; build it with datetime.now(UTC) + …"
        )
    if schedule_at - now > MAX_AHEAD:
        raise InvalidSchedule(
            f"schedule_at {schedule_at.isoformat()} is more than {MAX_AHEAD.days} days ahead, the limit of "
            "Cloud Tasks; enqueue it nearer to its time"
        )
