"""Cloud Tasks and Pub/Sub on one machine, durable, for Google's own clients; it knows no other room.

Names are imported when they are asked for: pytest loads a module of this package in every project.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.addresses import Addresses
    from emulator.clients import cloud_tasks_client, publisher_client, subscriber_client
    from emulator.embedded import EmbeddedSender
    from emulator.emulator import Emulator, EmulatorSettings
    from emulator.engine.clock import AdjustableClock, Clock, SystemClock, VirtualClock
    from emulator.engine.exchange import End, Failure, FailureReason, HttpRequest, Response, Sender
    from emulator.engine.faults import Crash, CrashPoint, FaultPlan, Faults
    from emulator.errors import (
        ApiError,
        EmulatorError,
        NotIdleError,
        PortInUseError,
        StoreClosedError,
        StoreError,
    )
    from emulator.tasks import TasksSettings

__all__ = (
    "Addresses",
    "AdjustableClock",
    "ApiError",
    "Clock",
    "Crash",
    "CrashPoint",
    "EmbeddedSender",
    "Emulator",
    "EmulatorError",
    "EmulatorSettings",
    "End",
    "Failure",
    "FailureReason",
    "FaultPlan",
    "Faults",
    "HttpRequest",
    "NotIdleError",
    "PortInUseError",
    "Response",
    "Sender",
    "StoreClosedError",
    "StoreError",
    "SystemClock",
    "TasksSettings",
    "VirtualClock",
    "cloud_tasks_client",
    "publisher_client",
    "subscriber_client",
)

_MODULES = {
    "addresses": ("Addresses",),
    "clients": ("cloud_tasks_client", "publisher_client", "subscriber_client"),
    "embedded": ("EmbeddedSender",),
    "emulator": ("Emulator", "EmulatorSettings"),
    "engine.clock": ("AdjustableClock", "Clock", "SystemClock", "VirtualClock"),
    "engine.exchange": ("End", "Failure", "FailureReason", "HttpRequest", "Response", "Sender"),
    "engine.faults": ("Crash", "CrashPoint", "FaultPlan", "Faults"),
    "errors": (
        "ApiError",
        "EmulatorError",
        "NotIdleError",
        "PortInUseError",
        "StoreClosedError",
        "StoreError",
    ),
    "tasks": ("TasksSettings",),
}
"""Where the public names are at home."""


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"emulator.{module}"), name)
    raise AttributeError(f"module 'emulator' has no attribute {name!r}")
