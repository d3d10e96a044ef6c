"""Google Cloud Tasks v2 on one machine: durable queues, and dispatch to HTTP targets; it knows no topic."""

from __future__ import annotations

from emulator import iam
from emulator.tasks import cmek, dead_rows, operations, tables
from emulator.tasks.batch import BatchStatistics
from emulator.tasks.dead_rows import DeadTask
from emulator.tasks.dispatcher import DispatcherStatistics
from emulator.tasks.history import AttemptRecord
from emulator.tasks.queue_stats import QueueStats
from emulator.tasks.service import QueueSummary, TasksService, TasksSettings

SCHEMA = (*tables.SCHEMA, *dead_rows.SCHEMA, *operations.SCHEMA, *cmek.SCHEMA, *iam.schema("queues"))
"""For `Store`: what Cloud Tasks keeps on disk."""

__all__ = (
    "SCHEMA",
    "AttemptRecord",
    "BatchStatistics",
    "DeadTask",
    "DispatcherStatistics",
    "QueueStats",
    "QueueSummary",
    "TasksService",
    "TasksSettings",
)
