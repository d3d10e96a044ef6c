"""Holds where the emulator listens; it binds nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Each as HOST:PORT: gRPC for Cloud Tasks and Pub/Sub, HTTP for the rest. Empty: not served."""

    tasks: str
    pubsub: str
    http: str
