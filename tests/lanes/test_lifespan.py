"""The lanes' lifespan: all of it open, all of it measured, and closed in order, saying what it left."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from http.client import HTTPConnection

import httpx
import pytest
from aiohttp import web

from lanes import (
    ConnectFailed,
    DeadlineExceeded,
    ExchangeFailed,
    ExecutorClosed,
    LaneClosed,
    Lanes,
    LanesSettings,
    LeftUndone,
    Request,
    Telemetry,
    TransportSettings,
    drain,
    open_lanes,
)
from tests.lanes.test_telemetry import shown
from tests.receiver import Received, answering, receiver

NOTHING = LeftUndone(latest_waiting=0, latest_sending=0, requests=0, jobs_dropped=0, jobs_running=0)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> LanesSettings:
    monkeypatch.setenv("SIDELANE_EGRESS_ALLOW", "127.0.0.0/8")
    monkeypatch.delenv("K_SERVICE", raising=False)
    return LanesSettings(drain_seconds=0.2, refuse_default_executor=False)  # the test's loop is shared


@pytest.fixture
async def lanes(settings: LanesSettings) -> AsyncIterator[Lanes]:
    async with open_lanes(settings, Telemetry()) as lanes:
        yield lanes


async def test_what_the_lanes_do_is_in_the_metrics(lanes: Lanes) -> None:
    async with receiver(answering(503)) as target:
        for _ in range(5):
            await lanes.http.maps.send(Request(method="GET", url=target.url))
    await lanes.critical.run(lambda: None)
    await lanes.latest.submit("target", "stream", lambda: asyncio.sleep(0))

    metrics = shown(lanes.telemetry)
    assert metrics["sidelane_lane_seconds"]["maps", "5xx"] == 5
    assert metrics["sidelane_lane_wait_seconds"]["maps",] == 5
    assert metrics["sidelane_lane_places"]["maps",] == 8
    assert metrics["sidelane_lane_in_flight"]["maps",] == 0
    assert metrics["sidelane_breaker_transitions"]["maps", "closed", "open"] == 1
    assert metrics["sidelane_breakers"]["maps", "open"] == 1
    assert metrics["sidelane_executor_wait_seconds"]["critical",] == 1
    assert metrics["sidelane_executor_places"]["storage",] == 256
    assert metrics["sidelane_latest_items"]["lanes", "sent"] == 1
    assert metrics["asyncio_tasks"]["main",] >= 1
    assert metrics["asyncio_event_loop_lag_current_seconds"]["main",] >= 0


async def test_an_open_breaker_is_counted_as_a_refusal(lanes: Lanes) -> None:
    async with receiver(answering(500)) as target:
        for _ in range(5):
            await lanes.http.maps.send(Request(method="GET", url=target.url))
        with pytest.raises(Exception, match="failed too often"):
            await lanes.http.maps.send(Request(method="GET", url=target.url))
        assert len(target.received) == 5
    assert shown(lanes.telemetry)["sidelane_lane_refused"]["maps", "breaker"] == 1


async def test_the_lane_of_a_users_url_is_guarded_and_that_of_ours_is_not(lanes: Lanes) -> None:
    with pytest.raises(Exception, match=r"10\.0\.0\.1 is not a public address"):
        await lanes.http.webhooks.send(Request(method="POST", url="http://10.0.0.1/"))
    with pytest.raises((ConnectFailed, DeadlineExceeded)):
        await lanes.http.stt.send(Request(method="GET", url="http://127.0.0.1:9/", deadline=0.5))


async def test_every_lane_uses_the_transport_that_the_service_brings(settings: LanesSettings) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        async def body() -> AsyncIterator[bytes]:
            yield request.url.host.encode()

        return httpx.Response(200, content=body())

    def brought(_: TransportSettings) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(answer)

    async with open_lanes(settings, Telemetry(), open_transport=brought) as lanes:
        for lane in lanes.http.each():
            answered = await lane.send(Request(method="GET", url="https://nowhere.test/"))
            assert answered.body == b"nowhere.test"


async def test_a_close_lets_work_under_way_end(
    settings: LanesSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="lanes.lifespan")
    release = asyncio.Event()

    async def held(_: Received) -> web.Response:
        release.set()
        return web.Response(status=200)

    async with receiver(held) as target:
        async with open_lanes(settings, Telemetry()) as lanes:
            request = asyncio.create_task(lanes.http.default.send(Request(method="GET", url=target.url)))
            job = asyncio.create_task(lanes.critical.run(lambda: "done"))
            await release.wait()
        assert (await request).status == 200
        assert await job == "done"
    with pytest.raises(LaneClosed):
        await lanes.http.default.send(Request(method="GET", url=target.url))
    with pytest.raises(ExecutorClosed):
        await lanes.storage.run(lambda: None)
    [record] = [record for record in caplog.records if record.name == "lanes.lifespan"]
    assert record.message == "lanes are closed, left undone: nothing"
    assert record.levelno == logging.INFO


async def test_a_close_ends_in_time_and_says_what_it_left(lanes: Lanes) -> None:
    hold, arrived = asyncio.Event(), asyncio.Event()
    blocked = threading.Event()

    async def held(_: Received) -> web.Response:
        arrived.set()
        await hold.wait()
        return web.Response(status=200)

    async with receiver(held) as target:
        request = asyncio.create_task(lanes.http.default.send(Request(method="GET", url=target.url)))
        sending = lanes.latest.submit("target", "stream", hold.wait)
        jobs = [asyncio.create_task(lanes.storage.run(blocked.wait, 20)) for _ in range(3)]
        await arrived.wait()
        began = asyncio.get_running_loop().time()
        left = await drain(lanes, grace=0.1)
        assert asyncio.get_running_loop().time() - began < 5
        hold.set()
        blocked.set()
    assert left == LeftUndone(latest_waiting=0, latest_sending=1, requests=1, jobs_dropped=1, jobs_running=2)
    with pytest.raises((ExchangeFailed, ConnectFailed)):
        await request
    ends = await asyncio.gather(sending, *jobs, return_exceptions=True)
    assert [type(end).__name__ for end in ends] == ["LaneClosed", "bool", "bool", "ExecutorClosed"]


async def test_closing_what_has_nothing_to_do_leaves_nothing(lanes: Lanes) -> None:
    assert await drain(lanes, grace=0) == NOTHING


async def test_the_health_port_answers_beside_the_service(settings: LanesSettings) -> None:
    with_port = settings.model_copy(update={"health_port": 0})

    def ask(port: int) -> int:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
        connection.close()
        return status

    async with open_lanes(with_port, Telemetry()) as lanes:
        assert lanes.health().is_healthy
        assert lanes.health_port is not None
        assert await lanes.critical.run(ask, lanes.health_port) == 200
