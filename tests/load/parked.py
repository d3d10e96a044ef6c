"""A downstream that holds as many requests as it may be sent, while everything else must go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.load.client import UNTIL_RELEASED, Seen
from tests.load.downstream import Downstream, Fault, running
from tests.load.stage import (
    LANE_PLACES,
    LANE_WAITING,
    POOL_THREADS,
    POOL_WAITING,
    TARGET_PLACES,
    Snapshot,
    Stage,
    paced,
)
from tests.load.verdicts import Assertion

HEALTHY = 20
"""Requests that do not need the downstream."""
EXCESS = 100
"""Requests beyond what is declared: many, so that a queue without a bound would show in memory."""
GROWTH = 8 * 1024 * 1024
"""Bytes: what is held is 40 requests with their connections, whose buffers are declared (64 KiB)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the app declares of one way to its downstream, and what its metrics call it."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    places: int
    waiting: int = 0
    error: str
    """Of the request beyond both."""
    in_flight: tuple[str, Mapping[str, str]]
    queue: tuple[str, Mapping[str, str]]
    refused: tuple[str, Mapping[str, str]]


TARGET = Bound(
    path="/work",
    places=TARGET_PLACES,
    error="BulkheadFull",
    in_flight=("sidelane_lane_in_flight", {"lane": "default"}),
    queue=("sidelane_lane_waiting", {"lane": "default"}),
    refused=("sidelane_lane_refused_total", {"lane": "default", "by": "target"}),
)
LANE = Bound(
    path="/work",
    params={"lane": "maps"},
    places=LANE_PLACES,
    waiting=LANE_WAITING,
    error="LaneSaturated",
    in_flight=("sidelane_lane_in_flight", {"lane": "maps"}),
    queue=("sidelane_lane_waiting", {"lane": "maps"}),
    refused=("sidelane_lane_refused_total", {"lane": "maps", "by": "lane"}),
)
POOL = Bound(
    path="/blocking",
    places=POOL_THREADS,
    waiting=POOL_WAITING,
    error="ExecutorSaturated",
    in_flight=("sidelane_executor_running", {"executor": "critical"}),
    queue=("sidelane_executor_waiting", {"executor": "critical"}),
    refused=("sidelane_executor_saturated_total", {"executor": "critical"}),
)


@dataclass(frozen=True, slots=True)
class Held:
    """What holds the requests to `url`."""

    stage: Stage
    bound: Bound
    downstream: Downstream
    url: str
    is_seen: bool
    """Whether the downstream knows what it holds; else only the app can tell."""

    @property
    def params(self) -> Mapping[str, str]:
        """Of a request to the app that is held."""
        return {"url": self.url, **self.bound.params}

    async def count(self) -> float:
        if self.is_seen:
            return self.downstream.parked
        name, labels = self.bound.in_flight
        return (await self.stage.client.metrics()).total(name, **labels)

    async def is_full(self) -> bool:
        if await self.count() != self.bound.places:
            return False
        if not self.bound.waiting:
            return True
        name, labels = self.bound.queue
        return (await self.stage.client.metrics()).total(name, **labels) == self.bound.waiting

    async def release(self) -> None:
        self.stage.names.release()
        await self.downstream.release()


@asynccontextmanager
async def faulty(stage: Stage, bound: Bound, fault: Fault) -> AsyncIterator[Held]:
    async with running(fault) as downstream:
        yield Held(stage, bound, downstream, downstream.url, fault is not Fault.BEFORE_ACCEPT)


@asynccontextmanager
async def unresolved(stage: Stage, bound: Bound) -> AsyncIterator[Held]:
    """A name whose resolution stalls; the server behind it is well."""
    async with running() as downstream:
        stage.names.hold()
        url = f"http://n{downstream.port}.downstream.test:{downstream.port}/"
        yield Held(stage, bound, downstream, url, False)


async def judge_parked(held: Held) -> None:
    """The whole course: hold, look around, release, look back."""
    stage, bound = held.stage, held.bound
    client, verdicts = stage.client, stage.verdicts
    before = await stage.measure()
    work = [
        asyncio.create_task(client.ask(bound.path, held.params, within=UNTIL_RELEASED))
        async for _ in paced(bound.places + bound.waiting)
    ]

    async def is_settled() -> bool:
        return await held.is_full() or all(request.done() for request in work)

    await client.until(is_settled)
    verdicts.same(Assertion.CAUSAL, "the number of requests held", await held.count(), bound.places)
    await _judge_the_rest(held, before)
    verdicts.same(Assertion.CAUSAL, "the number of requests still held", await held.count(), bound.places)

    await held.release()
    ends = await client.ended(work)
    verdicts.said.update(map(str, ends))
    verdicts.all_good(Assertion.RECOVERY, "requests that were held", ends)
    again = await client.ask(bound.path, held.params)
    verdicts.all_good(Assertion.RECOVERY, "a request afterwards", [again])
    served = bound.places + bound.waiting + 1
    verdicts.same(Assertion.CAUSAL, "the number of requests sent in all", held.downstream.requests, served)
    await stage.judge_recovery(before)


async def _judge_the_rest(held: Held, before: Snapshot) -> None:
    """While the downstream holds: the healthy, the next ones, the other target, threads, memory, queues."""
    stage, bound = held.stage, held.bound
    client, verdicts = stage.client, stage.verdicts
    # A pool that is full is full for everyone; that no other pool is, is isolation.
    pool = "/stored" if bound is POOL else "/critical"
    healthy, threaded, answered, others, stored, excess = await asyncio.gather(
        client.ask_many(HEALTHY, "/healthy"),
        client.ask_many(HEALTHY, pool),
        client.ping(),
        client.ask_many(HEALTHY, "/work", {"url": stage.other.url}),
        client.ask_many(HEALTHY, "/stored"),
        client.ask_many(EXCESS, bound.path, held.params),
    )
    verdicts.all_good(Assertion.CAUSAL, "healthy requests", healthy)
    verdicts.all_good(Assertion.CAUSAL, "requests with a job in a thread", threaded)
    verdicts.hold(Assertion.CAUSAL, answered, "the WebSocket did not answer")
    verdicts.all_refused(Assertion.CAUSAL, "requests beyond the bound", excess, bound.error)
    verdicts.all_good(Assertion.ISOLATION, "requests to another target", others)
    verdicts.all_good(Assertion.ISOLATION, "requests with a job in the other pool", stored)

    now = await stage.measure(within=client.hang)

    def total(sample: tuple[str, Mapping[str, str]]) -> float:
        name, labels = sample
        return now.metrics.total(name, **labels)

    name, labels = bound.refused
    refused = total(bound.refused) - before.metrics.total(name, **labels)
    verdicts.same(Assertion.CAUSAL, "the counter of refusals", refused, _refusals(excess))
    verdicts.same(Assertion.BOUNDED, "what is in flight", total(bound.in_flight), bound.places)
    verdicts.same(Assertion.BOUNDED, "what waits", total(bound.queue), bound.waiting)
    verdicts.same(Assertion.BOUNDED, "threads", now.resources.threads, before.resources.threads)
    grown = now.resources.resident - before.resources.resident
    verdicts.hold(Assertion.BOUNDED, grown <= GROWTH, f"memory grew by {grown / 2**20:.1f} MiB")


def _refusals(seen: list[Seen]) -> int:
    return sum(end.status == 503 for end in seen)
