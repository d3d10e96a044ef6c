"""How a process stays responsive while it calls others."""

from __future__ import annotations

from lanes.admission import Admission, AdmissionStatistics
from lanes.breaker import BreakerSettings, BreakerState, Phase
from lanes.bulkhead import Bulkheads, BulkheadSettings, BulkheadStatistics
from lanes.circuit_breakers import Attempt, BreakerStatistics, CircuitBreakers, Transition
from lanes.default_executor import refuse_default_executor
from lanes.egress import LOCAL, EgressPolicy, check_address, check_url
from lanes.errors import (
    AnswerTooLarge,
    BadRequest,
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
    KeysAway,
    LaneClosed,
    LaneError,
    LaneSaturated,
    NotAdmitted,
    SamePoolWait,
    StreamsFull,
    Superseded,
    TokenRefused,
)
from lanes.executors import Executor, ExecutorStatistics, Job, Left
from lanes.fan_out import Done, Failed, fan_out, fan_out_collect
from lanes.files import Files
from lanes.health import Health, HealthServer, loop_health
from lanes.http import Answer, HttpLane, StreamedAnswer
from lanes.in_thread import in_thread
from lanes.latest import LatestLeft, LatestStatistics, LatestWins
from lanes.lifespan import HttpLanes, Lanes, LeftUndone, drain, open_lanes
from lanes.logs import CloudLogFormatter, Logs, LogStatistics, log_fields
from lanes.loop_lag import LagObserver, LoopLagProbe, LoopLagSettings, LoopLagStatistics
from lanes.rate import Rates, RateSettings, RateState, RateStatistics
from lanes.request import Request
from lanes.retry_after import retry_after
from lanes.settings import (
    AUTH,
    CRITICAL,
    DEFAULT,
    FCM,
    LLM,
    MAPS,
    STORAGE,
    STT,
    WEBHOOKS,
    ExecutorSettings,
    ExecutorsSettings,
    HttpLanesSettings,
    LaneSettings,
    LanesSettings,
)
from lanes.single_flight import SingleFlight, SingleFlightStatistics
from lanes.stalls import Cause
from lanes.telemetry import EXPOSITION_TYPE, READ, TOLD, Row, Sample, Telemetry
from lanes.tracing import Tracing
from lanes.transport import TransportSettings, open_transport

__all__ = (
    "AUTH",
    "CRITICAL",
    "DEFAULT",
    "EXPOSITION_TYPE",
    "FCM",
    "LLM",
    "LOCAL",
    "MAPS",
    "READ",
    "STORAGE",
    "STT",
    "TOLD",
    "WEBHOOKS",
    "Admission",
    "AdmissionStatistics",
    "Answer",
    "AnswerTooLarge",
    "Attempt",
    "BadRequest",
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
    "ExecutorsSettings",
    "Failed",
    "FileTooLarge",
    "Files",
    "Health",
    "HealthServer",
    "HttpLane",
    "HttpLanes",
    "HttpLanesSettings",
    "Job",
    "KeysAway",
    "LagObserver",
    "LaneClosed",
    "LaneError",
    "LaneSaturated",
    "LaneSettings",
    "Lanes",
    "LanesSettings",
    "LatestLeft",
    "LatestStatistics",
    "LatestWins",
    "Left",
    "LeftUndone",
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
    "Request",
    "Row",
    "SamePoolWait",
    "Sample",
    "SingleFlight",
    "SingleFlightStatistics",
    "StreamedAnswer",
    "StreamsFull",
    "Superseded",
    "Telemetry",
    "TokenRefused",
    "Tracing",
    "Transition",
    "TransportSettings",
    "check_address",
    "check_url",
    "drain",
    "fan_out",
    "fan_out_collect",
    "in_thread",
    "log_fields",
    "loop_health",
    "open_lanes",
    "open_transport",
    "refuse_default_executor",
    "retry_after",
)
