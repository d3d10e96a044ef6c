"""Google Cloud Tasks v2 on one machine: durable queues, and dispatch to HTTP targets; it knows no topic."""

from __future__ import annotations

from emulator.tasks.dispatcher import DispatcherStatistics
from emulator.tasks.service import QueueSummary, TasksService, TasksSettings
from emulator.tasks.tables import SCHEMA

__all__ = (
    "SCHEMA",
    "DispatcherStatistics",
    "QueueSummary",
    "TasksService",
    "TasksSettings",
)
