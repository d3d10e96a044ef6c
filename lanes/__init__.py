"""How a process stays responsive while it calls others."""

from __future__ import annotations

from lanes.default_executor import refuse_default_executor
from lanes.errors import (
    BadUrl,
    ConnectFailed,
    DeadlineExceeded,
    DefaultExecutorRefused,
    ExchangeFailed,
    ExecutorClosed,
    ExecutorSaturated,
    FileTooLarge,
    LaneClosed,
    LaneError,
    SamePoolWait,
)
from lanes.executors import CRITICAL, STORAGE, Executor, ExecutorSettings, ExecutorStatistics, Job, Left
from lanes.fan_out import Done, Failed, fan_out, fan_out_collect
from lanes.files import Files
from lanes.http import WEBHOOKS, Answer, HttpLane, LaneSettings, LaneStatistics
from lanes.telemetry import Telemetry

__all__ = (
    "CRITICAL",
    "STORAGE",
    "WEBHOOKS",
    "Answer",
    "BadUrl",
    "ConnectFailed",
    "DeadlineExceeded",
    "DefaultExecutorRefused",
    "Done",
    "ExchangeFailed",
    "Executor",
    "ExecutorClosed",
    "ExecutorSaturated",
    "ExecutorSettings",
    "ExecutorStatistics",
    "Failed",
    "FileTooLarge",
    "Files",
    "HttpLane",
    "Job",
    "LaneClosed",
    "LaneError",
    "LaneSettings",
    "LaneStatistics",
    "Left",
    "SamePoolWait",
    "Telemetry",
    "fan_out",
    "fan_out_collect",
    "refuse_default_executor",
)
