"""What the pytest fixtures hand to tests: Cloud Tasks and Pub/Sub, with helpers; it changes no rule."""

from __future__ import annotations

from emulator.testing.cloud_tasks import CloudTasksFixture
from emulator.testing.deliveries import Received
from emulator.testing.opened import opened
from emulator.testing.pubsub import PubSubFixture

__all__ = (
    "CloudTasksFixture",
    "PubSubFixture",
    "Received",
    "opened",
)
