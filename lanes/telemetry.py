"""Every metric of the services: name, labels and meaning, in one table."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest


class Telemetry:
    """One set of metrics with a registry of its own; made once a process and passed down."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.outcomes = Counter(
            "sidelane_outcomes",
            "Ends of attempts, by what they meant for the task.",
            ("type", "outcome", "reason"),
            registry=self._registry,
        )
        self.refused_callers = Counter(
            "sidelane_refused_callers",
            "Requests that did not prove who calls.",
            ("status",),
            registry=self._registry,
        )
        self.attempt_seconds = Histogram(
            "sidelane_attempt_seconds",
            "Time that side effects took, waits in queues excluded.",
            ("type",),
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
            registry=self._registry,
        )

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
