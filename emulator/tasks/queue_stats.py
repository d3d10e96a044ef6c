"""Tells how a queue is doing, in the words of QueueStats of google.cloud.tasks.v2beta3; it counts nothing."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.tasks.live_queue import LiveQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStats:
    """How a queue is doing at this moment."""

    tasks_count: int
    """Tasks that wait, are under way or are to be tried again."""
    oldest_estimated_arrival_time: float | None
    """Seconds since the epoch at which the first of those that wait is due; None where none waits."""
    executed_last_minute_count: int
    """Attempts that got a reply during the last minute, whatever it was."""
    concurrent_dispatches_count: int
    """Attempts under way, forced ones included, until their end is on disk."""
    effective_execution_rate: float
    """Dispatches a second that the queue makes at most, by its rate limits and the throttling."""


def queue_stats(queue: LiveQueue, now: float) -> QueueStats:
    dispatch = queue.dispatch
    statistics = dispatch.statistics()
    return QueueStats(
        tasks_count=statistics.tasks,
        oldest_estimated_arrival_time=dispatch.first_due(),
        executed_last_minute_count=queue.executed.count(now),
        concurrent_dispatches_count=statistics.under_way,
        effective_execution_rate=dispatch.effective_rate(now),
    )
