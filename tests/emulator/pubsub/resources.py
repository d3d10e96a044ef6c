"""The names that these tests use."""

from __future__ import annotations

PROJECT = "projects/example.com:dev"
TOPIC = f"{PROJECT}/topics/events"
DEAD_TOPIC = f"{PROJECT}/topics/dead"
SUBSCRIPTION = f"{PROJECT}/subscriptions/worker"
ENDPOINT = "http://handlers.test/events/worker"
