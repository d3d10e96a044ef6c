"""Reads the statistics of lanes, executors and the loop into the metrics' table; it counts nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from lanes.executors import Executor
from lanes.http import HttpLane
from lanes.latest import LatestWins
from lanes.logs import Logs
from lanes.loop_lag import LoopLagProbe
from lanes.telemetry import Sample, Telemetry


def watch_lane(telemetry: Telemetry, lane: HttpLane) -> None:
    def read() -> Iterator[Sample]:
        statistics = lane.statistics()
        name = (lane.name,)
        yield Sample("sidelane_lane_in_flight", name, statistics.lane.in_flight)
        yield Sample("sidelane_lane_waiting", name, statistics.lane.waiting)
        yield Sample("sidelane_lane_places", name, statistics.lane.max_concurrent)
        refused = statistics.lane.refused_full + statistics.lane.refused_late
        yield Sample("sidelane_lane_refused", (lane.name, "lane"), refused)
        if statistics.targets is not None:
            targets = statistics.targets
            refused = targets.refused_full + targets.refused_late + targets.refused_targets
            yield Sample("sidelane_lane_refused", (lane.name, "target"), refused)
        if statistics.breakers is not None:
            breakers = statistics.breakers
            yield Sample("sidelane_lane_refused", (lane.name, "breaker"), breakers.refused)
            yield Sample("sidelane_breakers", (lane.name, "closed"), breakers.closed)
            yield Sample("sidelane_breakers", (lane.name, "half-open"), breakers.half_open)
            yield Sample("sidelane_breakers", (lane.name, "open"), breakers.open)
            yield Sample("sidelane_breakers_untracked", name, breakers.untracked)

    telemetry.read(read)


def watch_latest(telemetry: Telemetry, name: str, latest: LatestWins) -> None:
    def read() -> Iterator[Sample]:
        statistics = latest.statistics()
        yield Sample("sidelane_latest_in_flight", (name,), statistics.sending)
        yield Sample("sidelane_latest_waiting", (name,), statistics.waiting)
        for end in ("sent", "failed", "superseded", "cancelled", "refused"):
            yield Sample("sidelane_latest_items", (name, end), getattr(statistics, end))

    telemetry.read(read)


def watch_executor(telemetry: Telemetry, executor: Executor) -> None:
    def read() -> Iterator[Sample]:
        statistics = executor.statistics()
        name = (executor.name,)
        yield Sample("sidelane_executor_running", name, statistics.running)
        yield Sample("sidelane_executor_waiting", name, statistics.waiting)
        yield Sample("sidelane_executor_places", name, statistics.max_waiting)
        yield Sample("sidelane_executor_saturated", name, statistics.saturated_total)
        yield Sample("sidelane_executor_abandoned", name, statistics.abandoned_total)

    telemetry.read(read)


def watch_loop(telemetry: Telemetry, name: str, probe: LoopLagProbe, loop: asyncio.AbstractEventLoop) -> None:
    def read() -> Iterator[Sample]:
        statistics = probe.statistics()
        yield Sample("asyncio_event_loop_lag_current_seconds", (name,), statistics.current)
        yield Sample("asyncio_tasks", (name,), len(asyncio.all_tasks(loop)))
        for cause, count in statistics.stalls_total.items():
            yield Sample("asyncio_event_loop_stalls", (name, cause), count)
        for cause, seconds in statistics.stall_seconds_total.items():
            yield Sample("asyncio_event_loop_stall_seconds", (name, cause), seconds)

    telemetry.read(read)


def watch_logs(telemetry: Telemetry, logs: Logs) -> None:
    def read() -> Iterator[Sample]:
        statistics = logs.statistics()
        yield Sample("sidelane_logs_waiting", (), statistics.waiting)
        yield Sample("sidelane_logs_dropped", (), statistics.dropped_total)

    telemetry.read(read)
