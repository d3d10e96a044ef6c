"""What a lane tells: the trace to services of ours alone, and to its callbacks how each request went."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from lanes import (
    LOCAL,
    STT,
    WEBHOOKS,
    BadRequest,
    BadUrl,
    BreakerOpen,
    EgressRefused,
    HttpLane,
    LaneError,
    Phase,
    Request,
    Transition,
)
from tests.lanes.hand_clock import HandClock
from tests.lanes.hostile import target
from tests.lanes.hostile_answers import OK, says, says_and_leaves
from tests.receiver import answering, receiver

TRACE_ID, SPAN_ID = 0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7
TRACEPARENT = f"00-{TRACE_ID:032x}-{SPAN_ID:016x}-01"


@pytest.fixture
def current_span() -> Iterator[None]:
    span = NonRecordingSpan(
        SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    )
    token = context.attach(trace.set_span_in_context(span))
    yield
    context.detach(token)


@pytest.mark.usefixtures("current_span")
async def test_a_service_of_ours_is_told_the_trace() -> None:
    async with receiver() as ours, HttpLane(STT) as lane:
        await lane.send(Request(method="POST", url=ours.url))
        async with lane.stream(Request(method="POST", url=ours.url)):
            pass
    assert [request.headers["traceparent"] for request in ours.received] == [TRACEPARENT] * 2


@pytest.mark.usefixtures("current_span")
async def test_a_users_url_is_never_told_the_trace() -> None:
    async with receiver() as theirs, HttpLane(WEBHOOKS, egress=LOCAL) as lane:
        await lane.send(Request(method="POST", url=theirs.url))
    assert not {"traceparent", "tracestate", "baggage"} & theirs.received[0].headers.keys()


async def test_without_a_span_there_is_no_trace_to_tell() -> None:
    async with receiver() as ours, HttpLane(STT) as lane:
        await lane.send(Request(method="POST", url=ours.url))
    assert "traceparent" not in ours.received[0].headers


async def _ends(lane: HttpLane, *requests: Request) -> None:
    for request in requests:
        with suppress(LaneError):
            await lane.send(request)


async def test_each_request_is_told_once_with_how_it_ended() -> None:
    ends: list[str] = []
    seconds: list[float] = []

    def on_end(end: str, took: float) -> None:
        ends.append(end)
        seconds.append(took)

    settings = WEBHOOKS.model_copy(update={"breaker_failures": None})
    async with HttpLane(settings, egress=LOCAL, on_end=on_end) as lane:
        async with receiver() as good:
            for status in (200, 302, 404, 503):
                good.respond = answering(status)
                await _ends(lane, Request(method="GET", url=good.url))
            with pytest.raises(ValueError, match="ours"):
                async with lane.stream(Request(method="GET", url=good.url)):
                    raise ValueError("ours")
        await _ends(
            lane,
            Request(method="GET", url=good.url),
            Request(method="GET", url="/relative"),
            Request(method="GET", url="http://10.0.0.1/"),
            Request(method="G E T", url=good.url),
        )
        async with target(says_and_leaves(OK)) as broken:
            await _ends(lane, Request(method="POST", url=broken.url))
        async with target(says()) as silent:
            await _ends(lane, Request(method="POST", url=silent.url, deadline=0.1))
            call = asyncio.ensure_future(lane.send(Request(method="POST", url=silent.url)))
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
    assert ends == [
        "2xx",
        "3xx",
        "4xx",
        "5xx",
        "ValueError",
        "ConnectFailed",
        "BadUrl",
        "EgressRefused",
        "BadRequest",
        "ExchangeFailed",
        "DeadlineExceeded",
        "cancelled",
    ]
    assert all(0 <= took < 5 for took in seconds)
    assert 0.09 <= seconds[-2] < 2


async def test_each_wait_for_the_lane_is_told() -> None:
    waits: list[float] = []
    settings = WEBHOOKS.model_copy(update={"max_connections": 1})
    async with receiver() as good, HttpLane(settings, egress=LOCAL, on_wait=waits.append) as lane:
        calls = [lane.send(Request(method="GET", url=good.url)) for _ in range(3)]
        await asyncio.gather(*calls)
    assert waits[0] == 0
    assert 0 <= waits[1] <= waits[2] < 5
    assert waits[2] > 0
    assert len(waits) == 3


async def test_each_change_of_a_breaker_is_told() -> None:
    changes: list[Transition] = []
    clock = HandClock()
    settings = WEBHOOKS.model_copy(update={"breaker_failures": 2})
    async with (
        receiver(answering(500)) as sick,
        HttpLane(settings, egress=LOCAL, clock=clock, on_transition=changes.append) as lane,
    ):
        for _ in range(2):
            await lane.send(Request(method="POST", url=sick.url))
        with pytest.raises(BreakerOpen):
            await lane.send(Request(method="POST", url=sick.url))
        clock.advance(settings.breaker_open_for)
        sick.respond = answering(200)
        await lane.send(Request(method="POST", url=sick.url))
    assert {change.target for change in changes} == {sick.url}
    assert [(change.before, change.after) for change in changes] == [
        (Phase.CLOSED, Phase.OPEN),
        (Phase.OPEN, Phase.HALF_OPEN),
        (Phase.HALF_OPEN, Phase.CLOSED),
    ]


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        ({"method": "GET\r\nx: y"}, BadRequest, "method 'GET.* is not a token"),
        ({"method": ""}, BadRequest, "method '' is not a token"),
        ({"headers": {"x": "a\r\nb: c"}}, BadRequest, "header x's value holds more than visible ASCII"),
        ({"headers": {"x": "ü"}}, BadRequest, "header x's value holds more than visible ASCII"),
        ({"headers": {"x\r\n": "a"}}, BadRequest, "header name .* is not a token"),
        ({"headers": {"Content-Length": "1"}}, BadRequest, "Content-Length is the lane's to set"),
        ({"headers": {"transfer-encoding": "chunked"}}, BadRequest, "transfer-encoding is the lane's to set"),
        ({"params": {"\ud800": "x"}}, BadUrl, "cannot be parsed"),
        ({"url": "http://user.example:0/"}, BadUrl, "port 0 does not exist"),
        ({"url": "http://user.example:65536/"}, BadUrl, "port"),
        ({"url": "http://user.example/" + "x" * 70_000}, BadUrl, "cannot be parsed"),
        ({"url": "http://10.0.0.1:80/"}, EgressRefused, "not a public address"),
    ],
)
async def test_what_cannot_be_sent_costs_no_place(
    changes: dict[str, object], error: type[LaneError], why: str
) -> None:
    request = Request(**{"method": "GET", "url": "http://127.0.0.1:9/", **changes})  # type: ignore[arg-type]
    async with HttpLane(WEBHOOKS, egress=LOCAL) as lane:
        with pytest.raises(error, match=why):
            await lane.send(request)
        assert lane.statistics().lane.admitted == 0


@pytest.mark.parametrize("url", ["/hook?a=b%20c&sig=x%2By", "/hook?sig=x%2By#fragment", "/caf%C3%A9/%2F?x"])
async def test_a_url_is_asked_for_as_it_is_written(url: str) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readline())
        await says(OK, b"content-length: 0\r\n\r\n")(reader, writer)

    async with target(serve) as written, HttpLane(WEBHOOKS, egress=LOCAL) as lane:
        await lane.send(Request(method="GET", url=written.url.rstrip("/") + url))
    assert seen == [b"GET " + url.partition("#")[0].encode() + b" HTTP/1.1\r\n"]
