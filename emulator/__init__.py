"""Cloud Tasks and Pub/Sub on one machine, durable, for Google's own clients; it knows no other room."""

from __future__ import annotations

from emulator.embedded import EmbeddedSender
from emulator.emulator import Emulator, EmulatorSettings
from emulator.engine.clock import Clock, SystemClock, VirtualClock
from emulator.engine.exchange import End, Failure, FailureReason, HttpRequest, Response, Sender
from emulator.errors import ApiError, EmulatorError, PortInUseError, StoreClosedError, StoreError
from emulator.http import Addresses
from emulator.tasks import TasksSettings

__all__ = (
    "Addresses",
    "ApiError",
    "Clock",
    "EmbeddedSender",
    "Emulator",
    "EmulatorError",
    "EmulatorSettings",
    "End",
    "Failure",
    "FailureReason",
    "HttpRequest",
    "PortInUseError",
    "Response",
    "Sender",
    "StoreClosedError",
    "StoreError",
    "SystemClock",
    "TasksSettings",
    "VirtualClock",
)
