"""Opens everything that keeps a process responsive, and closes it in order; one lifespan for every service.

It closes what is fed first, each within what is left of the grace period:

1. latest-wins streams take no more items, and send what waits;
2. HTTP lanes take no more requests, and let those under way end;
3. the executors take no more jobs, and run what waits: `critical`, then `storage`;
4. the log tells what was left; the traces, the lag probe, the health port and the log itself end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass

from lanes.circuit_breakers import Transition
from lanes.default_executor import refuse_default_executor
from lanes.egress import EgressPolicy
from lanes.executors import Executor
from lanes.files import Files
from lanes.health import Health, HealthServer, loop_health
from lanes.heap import settled_heap
from lanes.http import HttpLane, OpenTransport
from lanes.latest import LatestWins
from lanes.logs import Logs
from lanes.loop_lag import LoopLagProbe
from lanes.settings import ExecutorSettings, LaneSettings, LanesSettings
from lanes.telemetry import Telemetry
from lanes.tracing import Tracing
from lanes.transport import open_transport
from lanes.watching import watch_executor, watch_lane, watch_latest, watch_logs, watch_loop

logger = logging.getLogger(__name__)

_EXPORT_GRACE = 1.0
"""Seconds for the spans that wait, beyond the drain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLanes:
    default: HttpLane
    webhooks: HttpLane
    auth: HttpLane
    maps: HttpLane
    stt: HttpLane
    llm: HttpLane
    fcm: HttpLane

    def each(self) -> tuple[HttpLane, ...]:
        return (self.default, self.webhooks, self.auth, self.maps, self.stt, self.llm, self.fcm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """What a service is given of this package."""

    http: HttpLanes
    latest: LatestWins
    critical: Executor
    storage: Executor
    files: Files
    loop_lag: LoopLagProbe
    telemetry: Telemetry
    stuck_after: float
    health_port: int | None
    """Where the health endpoint listens that answers though the loop is stuck."""

    def health(self) -> Health:
        """For a service's own health route."""
        return loop_health(self.loop_lag.statistics(), stuck_after=self.stuck_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftUndone:
    """What a close left, in pieces of work."""

    latest_waiting: int
    """Items that were never sent."""
    latest_sending: int
    """Items whose send was cancelled."""
    requests: int
    """Requests that were cut off."""
    jobs_dropped: int
    """Jobs that never began."""
    jobs_running: int
    """Jobs that go on in their threads until the process ends."""


@asynccontextmanager
async def open_lanes(
    settings: LanesSettings,
    telemetry: Telemetry,
    *,
    service: str = "sidelane",
    open_transport: OpenTransport = open_transport,
) -> AsyncIterator[Lanes]:
    """Everything of this package, open on the running event loop until the block ends.

    From then on the loop's default executor takes no work, unless the settings let it. `service` is the
    process's name in traces; `open_transport` makes the lanes' connections, for names and certificates of
    one's own.

    Raises ValueError for settings that a deployed service must not have, OSError where the health port is
    taken.
    """
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as opened:
        _open_logs(settings, telemetry, opened)
        tracing = Tracing(service)
        tracing.open()
        opened.push_async_callback(tracing.aclose, grace=_EXPORT_GRACE)
        loop_lag = LoopLagProbe(observer=_Lag(telemetry))
        await loop_lag.open()
        opened.push_async_callback(loop_lag.aclose)
        watch_loop(telemetry, "main", loop_lag, loop)
        if settings.refuse_default_executor:
            refuse_default_executor(loop)
        critical, storage = [
            await _open_executor(executor, telemetry, opened)
            for executor in (settings.executors.critical, settings.executors.storage)
        ]
        egress = settings.egress()
        http = {
            name: await _open_lane(name, lane, egress, telemetry, open_transport, opened)
            for name, lane in settings.http
        }
        latest = LatestWins(max_streams=settings.latest_streams)
        watch_latest(telemetry, "lanes", latest)
        health_port = None
        if settings.health_port is not None:
            server = HealthServer(
                "0.0.0.0",  # noqa: S104 (who probes is outside)
                settings.health_port,
                lambda: loop_health(loop_lag.statistics(), stuck_after=settings.stuck_after),
            )
            health_port = await server.open()
            opened.push_async_callback(server.aclose)
        lanes = Lanes(
            http=HttpLanes(**http),
            latest=latest,
            critical=critical,
            storage=storage,
            files=Files(storage),
            loop_lag=loop_lag,
            telemetry=telemetry,
            stuck_after=settings.stuck_after,
            health_port=health_port,
        )
        if settings.heap_settles:
            opened.enter_context(settled_heap())
        try:
            yield lanes
        finally:
            left = await drain(lanes, settings.drain_seconds)
            undone = {what: count for what, count in asdict(left).items() if count}
            level = logging.WARNING if undone else logging.INFO
            logger.log(
                level, "lanes are closed, left undone: %s", undone or "nothing", extra={"left": asdict(left)}
            )


async def drain(lanes: Lanes, grace: float) -> LeftUndone:
    """Close what takes work, in the order that the module tells, within `grace` seconds in all."""
    ends_at = time.monotonic() + grace

    def remaining() -> float:
        return max(0.0, ends_at - time.monotonic())

    latest = await lanes.latest.aclose(grace=remaining())
    requests = await asyncio.gather(*(lane.aclose(grace=remaining()) for lane in lanes.http.each()))
    critical = await lanes.critical.aclose(grace=remaining())
    storage = await lanes.storage.aclose(grace=remaining())
    return LeftUndone(
        latest_waiting=latest.waiting,
        latest_sending=latest.sending,
        requests=sum(requests),
        jobs_dropped=critical.dropped + storage.dropped,
        jobs_running=critical.running + storage.running,
    )


def _open_logs(settings: LanesSettings, telemetry: Telemetry, opened: AsyncExitStack) -> None:
    if not settings.logs_json:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
        return
    logs = Logs(project=settings.log_project)
    logs.open()
    opened.callback(logs.close)
    watch_logs(telemetry, logs)


async def _open_executor(
    settings: ExecutorSettings, telemetry: Telemetry, opened: AsyncExitStack
) -> Executor:
    observe_wait = telemetry.executor_wait_seconds.labels(settings.name).observe
    executor = Executor(settings, observe_wait=observe_wait)
    await executor.open()
    opened.push_async_callback(executor.aclose, grace=0)
    watch_executor(telemetry, executor)
    return executor


async def _open_lane(
    name: str,
    settings: LaneSettings,
    egress: EgressPolicy,
    telemetry: Telemetry,
    open_transport: OpenTransport,
    opened: AsyncExitStack,
) -> HttpLane:
    def changed(change: Transition) -> None:
        telemetry.breaker_transitions.labels(name, change.before, change.after).inc()

    def ended(end: str, seconds: float) -> None:
        telemetry.lane_seconds.labels(name, end).observe(seconds)

    lane = HttpLane(
        settings,
        name=name,
        egress=egress,
        on_wait=telemetry.lane_wait_seconds.labels(name).observe,
        on_transition=changed,
        on_end=ended,
        open_transport=open_transport,
    )
    await lane.open()
    opened.push_async_callback(lane.aclose)
    watch_lane(telemetry, lane)
    return lane


class _Lag:
    """The probe's observer."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.lag = telemetry.loop_lag_seconds.labels("main").observe
