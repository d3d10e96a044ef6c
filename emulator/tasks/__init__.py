"""Google Cloud Tasks v2 on one machine: durable queues, and dispatch to HTTP targets; it knows no topic."""

from __future__ import annotations

from emulator.tasks import dead_rows, tables
from emulator.tasks.dispatcher import DispatcherStatistics
from emulator.tasks.service import QueueSummary, TasksService, TasksSettings

SCHEMA = (*tables.SCHEMA, *dead_rows.SCHEMA)

__all__ = (
    "SCHEMA",
    "DispatcherStatistics",
    "QueueSummary",
    "TasksService",
    "TasksSettings",
)
