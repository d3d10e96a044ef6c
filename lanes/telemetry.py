"""Every metric of the services, in one table: its name, kind, labels and meaning. It decides nothing.

What happens is told as it happens. What is, is read from `statistics()` when somebody asks, so that nothing
is counted twice or kept in step by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SIDE_EFFECTS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_AGES = (0.1, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200, 86400, 259200, 2160000)
_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_WAITS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Row:
    """One metric. `buckets` are a histogram's, in seconds; a counter's name gets `_total` on the wire."""

    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


TOLD: Mapping[str, Row] = {
    "sidelane_outcomes": Row(
        "counter", ("type", "outcome", "reason"), "Ends of attempts, by what they meant for the task."
    ),
    "sidelane_refused_callers": Row(
        "counter", ("status", "reason"), "Requests that did not prove who calls, by what was wrong."
    ),
    "sidelane_events": Row(
        "counter", ("topic", "outcome"), "Deliveries of events; all but those fanned out come again."
    ),
    "sidelane_event_tasks": Row(
        "counter", ("topic", "outcome"), "Tasks that events led to, by what became of each on that delivery."
    ),
    "sidelane_attempt_seconds": Row(
        "histogram", ("type",), "Time that side effects took, waits in queues excluded.", _SIDE_EFFECTS
    ),
    "sidelane_task_age_seconds": Row(
        "histogram",
        ("queue",),
        "Age of tasks each time that they are taken up, since they were accepted.",
        _AGES,
    ),
    "sidelane_dispatch_delay_seconds": Row(
        "histogram", ("queue",), "How long after they were due tasks are taken up.", _AGES
    ),
    "sidelane_reconciled": Row(
        "counter",
        ("outcome", "found"),
        "Overdue follow-ups that were done again: redone where they were lost, there where only late.",
    ),
    "sidelane_lane_seconds": Row(
        "histogram",
        ("lane", "end"),
        "Time of requests by how they ended: the answer's class, our error's name, or cancelled.",
        _REQUESTS,
    ),
    "sidelane_lane_wait_seconds": Row(
        "histogram", ("lane",), "Time that requests waited for a place in their lane, in vain or not.", _WAITS
    ),
    "sidelane_breaker_transitions": Row(
        "counter", ("lane", "before", "after"), "Changes of breakers, whatever their target."
    ),
    "sidelane_parks": Row(
        "counter",
        ("queue", "by"),
        "Attempts put off by the target's breaker, places or rate, or by the effect itself.",
    ),
    "sidelane_executor_wait_seconds": Row(
        "histogram", ("executor",), "Time that jobs waited for a thread.", _WAITS
    ),
    "sidelane_pusher_teardown_seconds": Row(
        "histogram", ("code",), "Time that streams took to end, once they had to.", _WAITS
    ),
    "asyncio_event_loop_lag_seconds": Row(
        "histogram", ("loop",), "Time that events from outside waited until the loop ran them.", _LAG
    ),
}
"""What is told as it happens."""

READ: Mapping[str, Row] = {
    "sidelane_lane_in_flight": Row("gauge", ("lane",), "Requests under way."),
    "sidelane_lane_waiting": Row("gauge", ("lane",), "Requests that wait for a place."),
    "sidelane_lane_places": Row("gauge", ("lane",), "Requests that may be under way."),
    "sidelane_lane_refused": Row(
        "counter",
        ("lane", "by"),
        "Requests that were not let go: by the lane's places, the target's places or its breaker.",
    ),
    "sidelane_breakers": Row("gauge", ("lane", "phase"), "Targets remembered, by their breaker's phase."),
    "sidelane_breakers_untracked": Row(
        "counter", ("lane",), "Calls that no breaker watched, since all that may be remembered are open."
    ),
    "sidelane_events_in_flight": Row("gauge", (), "Events that are being fanned out."),
    "sidelane_targets": Row("gauge", ("queue",), "Targets with side effects under way."),
    "sidelane_target_in_flight": Row("gauge", ("queue",), "Side effects under way."),
    "sidelane_target_breakers": Row(
        "gauge", ("queue", "phase"), "Targets remembered, by their breaker's phase."
    ),
    "sidelane_target_breaker_transitions": Row(
        "counter", ("queue", "before", "after"), "Changes of breakers, whatever their target."
    ),
    "sidelane_target_slow_calls": Row("gauge", ("queue",), "Side effects under way for too long."),
    "sidelane_target_lines": Row("gauge", ("queue",), "Targets whose line has booked slots ahead."),
    "sidelane_target_untracked": Row(
        "counter", ("queue",), "Attempts that no breaker watched, since all that may be remembered are open."
    ),
    "sidelane_target_reads": Row("counter", ("queue",), "Reads of what instances share of targets."),
    "sidelane_target_changes": Row("counter", ("queue",), "Changes of what instances share of targets."),
    "sidelane_target_store_failures": Row(
        "counter", ("queue",), "Those that were not done; this instance went on with what it knew."
    ),
    "sidelane_overdue_oldest_seconds": Row(
        "gauge", (), "For how long the oldest follow-up was overdue when the reconciler last looked."
    ),
    "sidelane_latest_in_flight": Row("gauge", ("sender",), "Streams with an item under way."),
    "sidelane_latest_waiting": Row("gauge", ("sender",), "Items that wait for the one before them."),
    "sidelane_latest_items": Row("counter", ("sender", "end"), "Latest-wins items, by how they ended."),
    "sidelane_executor_running": Row("gauge", ("executor",), "Jobs that run."),
    "sidelane_executor_waiting": Row("gauge", ("executor",), "Jobs that wait for a thread."),
    "sidelane_executor_places": Row("gauge", ("executor",), "Jobs that may wait for a thread."),
    "sidelane_executor_saturated": Row("counter", ("executor",), "Jobs refused since the queue was full."),
    "sidelane_executor_abandoned": Row("counter", ("executor",), "Jobs that outlived their caller."),
    "sidelane_dead_letters": Row(
        "gauge", ("queue", "reason"), "Dead letters that were neither replayed nor discarded."
    ),
    "sidelane_dead_letter_oldest_seconds": Row(
        "gauge", ("queue", "reason"), "How long ago the oldest of them died."
    ),
    "sidelane_dead_letters_counted_seconds_ago": Row(
        "gauge", (), "Age of these figures; it grows while the store is away."
    ),
    "sidelane_dead_letters_swept": Row(
        "counter", (), "Dead letters removed at the end of their retention, all replayed or discarded."
    ),
    "sidelane_pusher_connections": Row("gauge", (), "Streams that are connected."),
    "sidelane_pusher_buffered": Row(
        "gauge", ("what",), "Segments, and bytes of audio, that wait in streams."
    ),
    "sidelane_pusher_flushes": Row("counter", ("what",), "Flushes of segments, items of audio."),
    "sidelane_pusher_drops": Row(
        "counter", ("what",), "Segments, bytes of audio and conversations that streams did not get through."
    ),
    "sidelane_pusher_closes": Row("counter", ("code",), "Streams that ended, by their close code."),
    "sidelane_logs_waiting": Row("gauge", (), "Log records that wait to be written."),
    "sidelane_logs_dropped": Row("counter", (), "Log records dropped since too many waited."),
    "asyncio_event_loop_lag_current_seconds": Row(
        "gauge", ("loop",), "How long the event loop has let an event wait, right now."
    ),
    "asyncio_event_loop_stalls": Row("counter", ("loop", "cause"), "Times that the event loop ran nothing."),
    "asyncio_event_loop_stall_seconds": Row(
        "counter",
        ("loop", "cause"),
        "Seconds in which the event loop ran nothing; alert on its rate, the share of time.",
    ),
    "asyncio_tasks": Row("gauge", ("loop",), "Tasks that have not ended."),
}
"""What is read when somebody asks."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One number that was read: the metric of `READ`, the values of its labels, and the number."""

    metric: str
    labels: Sequence[str]
    value: float


Read = Callable[[], Iterable[Sample]]


class Telemetry:
    """One set of metrics with a registry of its own; made once a process and passed down."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._reads: list[Read] = []
        self._registry.register(_Statistics(self._reads))
        self.outcomes = self._counter("sidelane_outcomes")
        self.events = self._counter("sidelane_events")
        self.event_tasks = self._counter("sidelane_event_tasks")
        self.refused_callers = self._counter("sidelane_refused_callers")
        self.attempt_seconds = self._histogram("sidelane_attempt_seconds")
        self.task_age_seconds = self._histogram("sidelane_task_age_seconds")
        self.dispatch_delay_seconds = self._histogram("sidelane_dispatch_delay_seconds")
        self.reconciled = self._counter("sidelane_reconciled")
        self.lane_seconds = self._histogram("sidelane_lane_seconds")
        self.lane_wait_seconds = self._histogram("sidelane_lane_wait_seconds")
        self.breaker_transitions = self._counter("sidelane_breaker_transitions")
        self.parks = self._counter("sidelane_parks")
        self.executor_wait_seconds = self._histogram("sidelane_executor_wait_seconds")
        self.pusher_teardown_seconds = self._histogram("sidelane_pusher_teardown_seconds")
        self.loop_lag_seconds = self._histogram("asyncio_event_loop_lag_seconds")

    def read(self, read: Read) -> None:
        """Ask `read` for its samples whenever somebody asks for the metrics."""
        self._reads.append(read)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format, `EXPOSITION_TYPE`."""
        return generate_latest(self._registry)

    def _counter(self, name: str) -> Counter:
        row = TOLD[name]
        return Counter(name, row.meaning, row.labels, registry=self._registry)

    def _histogram(self, name: str) -> Histogram:
        row = TOLD[name]
        return Histogram(name, row.meaning, row.labels, buckets=row.buckets, registry=self._registry)


class _Statistics(Collector):
    def __init__(self, reads: Sequence[Read]) -> None:
        self._reads = reads

    def collect(self) -> Iterator[Metric]:
        families = {
            name: (CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily)(
                name, row.meaning, labels=row.labels
            )
            for name, row in READ.items()
        }
        for read in self._reads:
            for sample in read():
                families[sample.metric].add_metric(sample.labels, sample.value)
        yield from families.values()

    def describe(self) -> Iterable[Metric]:
        return ()  # without it, registering would ask for every sample
