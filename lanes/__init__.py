"""How a process stays responsive while it calls others."""

from __future__ import annotations

from lanes.errors import BadUrl, ConnectFailed, DeadlineExceeded, ExchangeFailed, LaneClosed, LaneError
from lanes.http import WEBHOOKS, Answer, HttpLane, LaneSettings, LaneStatistics
from lanes.telemetry import Telemetry

__all__ = (
    "WEBHOOKS",
    "Answer",
    "BadUrl",
    "ConnectFailed",
    "DeadlineExceeded",
    "ExchangeFailed",
    "HttpLane",
    "LaneClosed",
    "LaneError",
    "LaneSettings",
    "LaneStatistics",
    "Telemetry",
)
