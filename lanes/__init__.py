"""How a process stays responsive while it calls others."""

from __future__ import annotations

from lanes.breaker import BreakerSettings, BreakerState, Phase
from lanes.bulkhead import Bulkheads, BulkheadSettings, BulkheadStatistics
from lanes.circuit_breakers import Attempt, BreakerStatistics, CircuitBreakers, Transition
from lanes.default_executor import refuse_default_executor
from lanes.egress import LOCAL, EgressPolicy, check_address, check_url
from lanes.errors import (
    BadUrl,
    BreakerOpen,
    BulkheadFull,
    ConnectFailed,
    DeadlineExceeded,
    DefaultExecutorRefused,
    EgressRefused,
    ExchangeFailed,
    ExecutorClosed,
    ExecutorSaturated,
    FileTooLarge,
    LaneClosed,
    LaneError,
    NotAdmitted,
    SamePoolWait,
    StreamsFull,
    Superseded,
)
from lanes.executors import CRITICAL, STORAGE, Executor, ExecutorSettings, ExecutorStatistics, Job, Left
from lanes.fan_out import Done, Failed, fan_out, fan_out_collect
from lanes.files import Files
from lanes.health import Health, HealthServer, loop_health
from lanes.http import WEBHOOKS, Answer, HttpLane, LaneSettings, LaneStatistics
from lanes.latest import LatestLeft, LatestStatistics, LatestWins
from lanes.logs import CloudLogFormatter, Logs, LogStatistics
from lanes.loop_lag import LagObserver, LoopLagProbe, LoopLagSettings, LoopLagStatistics
from lanes.rate import Rates, RateSettings, RateState, RateStatistics
from lanes.stalls import Cause
from lanes.telemetry import Telemetry

__all__ = (
    "CRITICAL",
    "LOCAL",
    "STORAGE",
    "WEBHOOKS",
    "Answer",
    "Attempt",
    "BadUrl",
    "BreakerOpen",
    "BreakerSettings",
    "BreakerState",
    "BreakerStatistics",
    "BulkheadFull",
    "BulkheadSettings",
    "BulkheadStatistics",
    "Bulkheads",
    "Cause",
    "CircuitBreakers",
    "CloudLogFormatter",
    "ConnectFailed",
    "DeadlineExceeded",
    "DefaultExecutorRefused",
    "Done",
    "EgressPolicy",
    "EgressRefused",
    "ExchangeFailed",
    "Executor",
    "ExecutorClosed",
    "ExecutorSaturated",
    "ExecutorSettings",
    "ExecutorStatistics",
    "Failed",
    "FileTooLarge",
    "Files",
    "Health",
    "HealthServer",
    "HttpLane",
    "Job",
    "LagObserver",
    "LaneClosed",
    "LaneError",
    "LaneSettings",
    "LaneStatistics",
    "LatestLeft",
    "LatestStatistics",
    "LatestWins",
    "Left",
    "LogStatistics",
    "Logs",
    "LoopLagProbe",
    "LoopLagSettings",
    "LoopLagStatistics",
    "NotAdmitted",
    "Phase",
    "RateSettings",
    "RateState",
    "RateStatistics",
    "Rates",
    "SamePoolWait",
    "StreamsFull",
    "Superseded",
    "Telemetry",
    "Transition",
    "check_address",
    "check_url",
    "fan_out",
    "fan_out_collect",
    "loop_health",
    "refuse_default_executor",
)
