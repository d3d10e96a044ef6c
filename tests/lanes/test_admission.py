"""Who is let go by a lane: its places, each target's places, and each target's breaker, over real sockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from lanes import (
    LOCAL,
    WEBHOOKS,
    BreakerOpen,
    BulkheadFull,
    DeadlineExceeded,
    HttpLane,
    LaneSaturated,
    LaneSettings,
    Request,
)
from tests.lanes.hand_clock import HandClock
from tests.receiver import Received, Receiver, answering, receiver

OPEN_FOR = 30.0


def settings(**changes: object) -> LaneSettings:
    return WEBHOOKS.model_copy(update={"breaker_failures": 1, "breaker_open_for": OPEN_FOR, **changes})


def post(url: str, **changes: object) -> Request:
    return Request(**{"method": "POST", "url": url, "deadline": 5.0, **changes})  # type: ignore[arg-type]


async def kind_of_end(lane: HttpLane, request: Request) -> str:
    try:
        return str((await lane.send(request)).status)
    except Exception as error:  # the tests compare its name
        return type(error).__name__


def is_idle(lane: HttpLane) -> bool:
    now = lane.statistics()
    places = [now.lane] if now.targets is None else [now.lane, now.targets]
    return all((each.in_flight, each.waiting, each.targets) == (0, 0, 0) for each in places)


@dataclass
class Held:
    """A receiver that answers nobody before it is told to."""

    url: str = ""
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def respond(self, _: Received) -> web.Response:
        self.arrived.release()
        await self.release.wait()
        return web.Response()


@asynccontextmanager
async def holding() -> AsyncIterator[Held]:
    held = Held()
    async with receiver(held.respond) as running:
        held.url = running.url
        try:
            yield held
        finally:
            held.release.set()


async def test_a_failing_target_is_refused_without_a_connection_until_its_time() -> None:
    clock = HandClock()
    async with (
        receiver(answering(503)) as failing,
        HttpLane(settings(breaker_failures=3), egress=LOCAL, clock=clock) as lane,
    ):
        for _ in range(3):
            assert (await lane.send(post(failing.url))).status == 503
        with pytest.raises(BreakerOpen, match="come back in 30 s") as refused:
            await lane.send(post(failing.url))
        assert refused.value.retry_at == clock() + OPEN_FOR == lane.retry_at(failing.url)
        assert len(failing.received) == 3
        clock.advance(OPEN_FOR)
        assert lane.retry_at(failing.url) is None
        failing.respond = answering(200)
        assert [await kind_of_end(lane, post(failing.url)) for _ in range(3)] == ["200"] * 3
    assert is_idle(lane)


async def test_a_success_ends_a_row_of_failures() -> None:
    async with receiver() as target, HttpLane(settings(breaker_failures=2), egress=LOCAL) as lane:
        for status in (500, 200, 500, 404, 500, 302):
            target.respond = answering(status)
            assert (await lane.send(post(target.url))).status == status


async def test_of_a_hundred_calls_into_a_half_open_breaker_one_passes() -> None:
    clock = HandClock()
    async with holding() as held, HttpLane(settings(), egress=LOCAL, clock=clock) as lane:
        assert await kind_of_end(lane, post(held.url, deadline=0.1)) == "DeadlineExceeded"
        await held.arrived.acquire()
        clock.advance(OPEN_FOR)
        calls = [asyncio.ensure_future(kind_of_end(lane, post(held.url))) for _ in range(100)]
        await held.arrived.acquire()
        held.release.set()
        assert Counter(await asyncio.gather(*calls)) == {"200": 1, "BreakerOpen": 99}
        assert held.arrived.locked()  # nobody else has arrived
        assert await kind_of_end(lane, post(held.url)) == "200"


async def test_a_cancelled_probe_gives_its_place_back_at_whatever_moment() -> None:
    clock = HandClock()
    ends: Counter[str] = Counter()
    async with receiver() as target, HttpLane(settings(), egress=LOCAL, clock=clock) as lane:
        for turns in range(60):
            target.respond = answering(500)
            await lane.send(post(target.url))
            clock.advance(OPEN_FOR)
            target.respond = answering(200)
            ends[await _cancelled_after(turns, lane, post(target.url))] += 1
            assert await kind_of_end(lane, post(target.url)) == "200"
            assert is_idle(lane)
    assert ends["CancelledError"] > 0 < ends["200"]


async def _cancelled_after(turns: int, lane: HttpLane, request: Request) -> str:
    call = asyncio.ensure_future(kind_of_end(lane, request))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    try:
        return await call
    except asyncio.CancelledError:
        return "CancelledError"


@pytest.mark.parametrize("comes_first", ["the place", "the cancellation"])
async def test_a_wait_that_is_cancelled_as_its_place_comes_leaves_nothing(comes_first: str) -> None:
    one = settings(max_connections=1)
    async with receiver() as target, HttpLane(one, egress=LOCAL) as lane:
        for turns in range(40):
            first = asyncio.ensure_future(lane.send(post(target.url)))
            await asyncio.sleep(0)
            waiting = asyncio.ensure_future(lane.send(post(target.url)))
            for _ in range(turns):
                await asyncio.sleep(0)
            for call in (first, waiting) if comes_first == "the place" else (waiting, first):
                call.cancel()
            await asyncio.gather(first, waiting, return_exceptions=True)
            assert is_idle(lane)
        assert await kind_of_end(lane, post(target.url)) == "200"


async def test_a_parked_target_takes_none_of_anothers_places() -> None:
    lane_settings = settings(max_connections=4, max_per_target=2)
    async with (
        holding() as parked,
        receiver() as healthy,
        HttpLane(lane_settings, egress=LOCAL) as lane,
    ):
        calls = [asyncio.ensure_future(lane.send(post(parked.url))) for _ in range(2)]
        for _ in calls:
            await parked.arrived.acquire()
        with pytest.raises(BulkheadFull, match="2 calls under way"):
            await lane.send(post(parked.url))
        assert [await kind_of_end(lane, post(healthy.url)) for _ in range(20)] == ["200"] * 20
        parked.release.set()
        assert [answer.status for answer in await asyncio.gather(*calls)] == [200, 200]
    assert is_idle(lane)


async def test_targets_may_be_told_apart_otherwise_than_by_origin() -> None:
    async with receiver(answering(500)) as shared, HttpLane(settings(), egress=LOCAL) as lane:
        await lane.send(post(f"{shared.url}/a", target="a"))
        assert await kind_of_end(lane, post(f"{shared.url}/a", target="a")) == "BreakerOpen"
        assert await kind_of_end(lane, post(f"{shared.url}/b", target="b")) == "500"


async def test_a_full_lane_lets_wait_for_so_long_and_so_many() -> None:
    small = settings(max_connections=1, max_waiting=1, max_wait=0.1, max_per_target=None)
    async with holding() as held, HttpLane(small, name="maps", egress=LOCAL) as lane:
        first = asyncio.ensure_future(lane.send(post(held.url)))
        await held.arrived.acquire()
        waits = asyncio.ensure_future(kind_of_end(lane, post(held.url)))
        await asyncio.sleep(0)
        with pytest.raises(LaneSaturated, match=r"the maps lane is saturated: 1 calls under way, 1 waiting"):
            await lane.send(post(held.url))
        began = asyncio.get_running_loop().time()
        assert await waits == "LaneSaturated"
        assert asyncio.get_running_loop().time() - began < 1
        held.release.set()
        assert (await first).status == 200
        assert lane.statistics().lane.refused_full == lane.statistics().lane.refused_late == 1


@pytest.mark.parametrize("deadline", [0.1, 0.0, -1.0])
async def test_time_spent_waiting_is_not_the_targets_fault(deadline: float) -> None:
    small = settings(max_connections=1, max_per_target=None)
    async with holding() as held, receiver() as target, HttpLane(small, egress=LOCAL) as lane:
        first = asyncio.ensure_future(lane.send(post(held.url)))
        await held.arrived.acquire()
        with pytest.raises(DeadlineExceeded):
            await lane.send(post(target.url, deadline=deadline))
        assert (breakers := lane.statistics().breakers) is not None
        assert breakers.open == 0
        held.release.set()
        await first
        assert target.received == []
        assert await kind_of_end(lane, post(target.url)) == "200"


async def test_a_call_that_waits_for_its_lane_holds_no_probe() -> None:
    clock = HandClock()
    small = settings(max_connections=1, max_per_target=None)
    async with (
        holding() as held,
        receiver(answering(500)) as sick,
        HttpLane(small, egress=LOCAL, clock=clock) as lane,
    ):
        await lane.send(post(sick.url))
        clock.advance(OPEN_FOR)
        first = asyncio.ensure_future(lane.send(post(held.url)))
        await held.arrived.acquire()
        waits = asyncio.ensure_future(kind_of_end(lane, post(sick.url)))
        await asyncio.sleep(0)
        assert (breakers := lane.statistics().breakers) is not None
        assert (breakers.half_open, breakers.open) == (0, 1)
        waits.cancel()
        held.release.set()
        await first
        sick.respond = answering(200)
        assert await kind_of_end(lane, post(sick.url)) == "200"


async def test_a_target_left_alone_is_refused_at_once_though_the_lane_is_full() -> None:
    small = settings(max_connections=1, max_per_target=None)
    async with (
        holding() as held,
        receiver(answering(500)) as sick,
        HttpLane(small, egress=LOCAL) as lane,
    ):
        await lane.send(post(sick.url))
        first = asyncio.ensure_future(lane.send(post(held.url)))
        await held.arrived.acquire()
        assert await kind_of_end(lane, post(sick.url)) == "BreakerOpen"
        assert lane.statistics().lane.waited == 0
        held.release.set()
        await first


async def test_a_burst_leaves_the_lane_as_it_was() -> None:
    async def some(target: Receiver) -> Counter[str]:
        calls = [kind_of_end(lane, post(target.url)) for _ in range(200)]
        return Counter(await asyncio.gather(*calls))

    roomy = settings(max_connections=8, max_waiting=50, max_per_target=None)
    async with receiver() as target, HttpLane(roomy, egress=LOCAL) as lane:
        assert await some(target) == {"200": 58, "LaneSaturated": 142}
        assert is_idle(lane)
