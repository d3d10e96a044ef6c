"""What the emulator gives beyond the cloud, over HTTP, for people who develop; it does nothing by itself."""

from __future__ import annotations

from emulator.control.api import ControlApi

__all__ = ("ControlApi",)
