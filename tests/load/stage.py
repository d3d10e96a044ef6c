"""One app under test with what surrounds it: a client, a healthy downstream, a name server, the verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lanes import Cause
from tests.load.backend import Backend, Resources, serving
from tests.load.client import HANG, Client, Metrics, client
from tests.load.downstream import Downstream, running
from tests.load.nameserver import NameServer, name_server
from tests.load.verdicts import Assertion, Verdicts

TARGET_PLACES = 40
"""More than any pool of threads has that asyncio makes by itself (32): who uses one is found out."""
LANE_PLACES, LANE_WAITING = 8, 4
POOL_THREADS, POOL_WAITING = 4, 8
BREAKER_FAILURES = 5

DECLARED = {
    "SIDELANE_EGRESS_ALLOW": "127.0.0.0/8",
    "SIDELANE_HTTP__DEFAULT__DEADLINE": "60",
    "SIDELANE_HTTP__DEFAULT__CONNECT_TIMEOUT": "60",
    "SIDELANE_HTTP__DEFAULT__MAX_PER_TARGET": str(TARGET_PLACES),
    "SIDELANE_HTTP__DEFAULT__MAX_CONNECTIONS": "60",
    "SIDELANE_HTTP__DEFAULT__BREAKER_FAILURES": str(BREAKER_FAILURES),
    "SIDELANE_HTTP__DEFAULT__BREAKER_OPEN_FOR": "1",
    "SIDELANE_HTTP__MAPS__DEADLINE": "60",
    "SIDELANE_HTTP__MAPS__MAX_CONNECTIONS": str(LANE_PLACES),
    "SIDELANE_HTTP__MAPS__MAX_WAITING": str(LANE_WAITING),
    "SIDELANE_HTTP__MAPS__MAX_WAIT": "60",
    "SIDELANE_EXECUTORS__CRITICAL__THREADS": str(POOL_THREADS),
    "SIDELANE_EXECUTORS__CRITICAL__MAX_WAITING": str(POOL_WAITING),
    # The way `to-thread` is there to show what it does; that it is refused is tested elsewhere.
    "SIDELANE_REFUSE_DEFAULT_EXECUTOR": "false",
}
"""What the app under test declares, much smaller than it would be."""

_OURS = (Cause.BLOCKED, Cause.UNKNOWN)
"""Causes of stalls that say something on any machine: how long computing takes, or how long others are let
run before, is a matter of how fast and how busy it is."""
_WARM_UP = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    metrics: Metrics
    resources: Resources

    @property
    def stalled(self) -> float:
        """Seconds in which the event loop ran nothing since its thread waited."""
        return sum(
            self.metrics.total("asyncio_event_loop_stall_seconds_total", cause=cause) for cause in _OURS
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    backend: Backend
    client: Client
    other: Downstream
    """Always well."""
    names: NameServer
    verdicts: Verdicts

    async def measure(self, *, within: float = HANG) -> Snapshot:
        """Waits long, also where much hangs: before and after, the lag probe's word is wanted."""
        metrics = await self.client.metrics(within=within)
        return Snapshot(metrics=metrics, resources=self.backend.resources())

    async def judge_recovery(self, before: Snapshot) -> None:
        """Nothing under way, no breaker open, no task or thread more than before, and no stall since."""

        async def is_idle() -> bool:
            now = await self.client.metrics()
            return (
                now.total("sidelane_lane_in_flight") == now.total("sidelane_lane_waiting") == 0
                and now.total("sidelane_executor_running") == 0
                and now.total("asyncio_tasks") <= before.metrics.total("asyncio_tasks")
            )

        hold, same = self.verdicts.hold, self.verdicts.same
        is_drained = await self.client.until(is_idle)
        after = await self.measure()
        counted = ("sidelane_lane_in_flight", "sidelane_lane_waiting", "sidelane_executor_running")
        left = {name: after.metrics.total(name) for name in (*counted, "asyncio_tasks")}
        hold(Assertion.RECOVERY, is_drained, f"not all drained: {left}")
        for phase in ("open", "half-open"):
            same(
                Assertion.RECOVERY,
                f"the number of {phase} breakers",
                after.metrics.total("sidelane_breakers", phase=phase),
                0,
            )
        same(Assertion.BOUNDED, "threads afterwards", after.resources.threads, before.resources.threads)
        stalled = after.stalled - before.stalled
        hold(Assertion.LAG, not stalled > 0, f"the event loop ran nothing for {stalled:.2f} s")

    async def warm_up(self) -> None:
        """Have whatever is made at first use, so that what comes after can be compared."""
        for path in ("/work", "/blocking"):
            await self.client.ask_many(_WARM_UP, path, {"url": self.other.url})
        for path in ("/healthy", "/critical", "/stored"):
            await self.client.ask(path)
        await self.client.ping()


@asynccontextmanager
async def staged(
    verdicts: Verdicts, *, loop: str, way: str = "lane", hang: float = HANG
) -> AsyncIterator[Stage]:
    async with name_server() as names, running() as other:
        settings = DECLARED | {"LOAD_WAY": way, "LOAD_NAMESERVER": str(names.port)}
        async with serving(settings, loop=loop) as backend, client(backend.port, hang=hang) as asking:
            stage = Stage(backend=backend, client=asking, other=other, names=names, verdicts=verdicts)
            await stage.warm_up()
            yield stage


async def paced(count: int) -> AsyncIterator[int]:
    """One after the other, since the test is of what is held and not of a burst."""
    for number in range(count):
        yield number
        await asyncio.sleep(0.005)
