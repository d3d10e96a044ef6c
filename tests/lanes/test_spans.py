"""The client spans of a lane: whom it called and how that ended, in conventional attributes, nothing else."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from opentelemetry.trace import SpanKind, StatusCode

from lanes import LOCAL, STT, WEBHOOKS, BadUrl, ConnectFailed, EgressRefused, HttpLane, LaneError, Request
from tests.lanes.hostile import target
from tests.lanes.hostile_answers import says_and_leaves
from tests.receiver import Received, answering, receiver
from tests.spans import Spans


@pytest.mark.parametrize(("status", "error"), [(200, None), (302, None), (404, "404"), (500, "500")], ids=str)
async def test_an_answered_request_is_told_by_its_status(status: int, error: str | None) -> None:
    spans = Spans()
    async with (
        receiver(answering(status)) as there,
        HttpLane(WEBHOOKS, egress=LOCAL, tracer=spans.tracer) as lane,
    ):
        await lane.send(
            Request(method="POST", url=f"{there.url}/hook/s3cret?key=s3cret", headers={"X-Key": "s3cret"})
        )
    (span,) = spans.ended()
    assert (span.name, span.kind) == ("POST", SpanKind.CLIENT)
    expected = {
        "http.request.method": "POST",
        "server.address": "127.0.0.1",
        "server.port": urlsplit(there.url).port,
        "http.response.status_code": status,
    }
    assert dict(span.attributes or {}) == expected | ({"error.type": error} if error else {})
    assert span.status.status_code is (StatusCode.ERROR if error else StatusCode.UNSET)
    assert "s3cret" not in spans.text()


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://10.0.0.1/s3cret", EgressRefused),
        ("http://user:s3cret@example.com/", EgressRefused),
        ("ftp://example.com/s3cret", BadUrl),
        ("http://127.0.0.1:9/s3cret", ConnectFailed),
    ],
)
async def test_a_request_that_was_not_answered_is_told_by_its_error(url: str, error: type[LaneError]) -> None:
    spans = Spans()
    async with HttpLane(WEBHOOKS, egress=LOCAL, tracer=spans.tracer) as lane:
        with pytest.raises(error):
            await lane.send(Request(method="GET", url=url))
    (span,) = spans.ended()
    attributes = span.attributes or {}
    assert attributes["error.type"] == error.__name__
    assert "http.response.status_code" not in attributes
    assert span.events == ()  # an exception's text may hold more than its kind
    assert "s3cret" not in spans.text()


async def test_a_connection_that_breaks_within_the_answer_is_told_with_its_status() -> None:
    spans = Spans()
    async with (
        target(says_and_leaves(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")) as there,
        HttpLane(WEBHOOKS, egress=LOCAL, tracer=spans.tracer) as lane,
    ):
        with pytest.raises(LaneError):
            await lane.send(Request(method="GET", url=there.url))
    (span,) = spans.ended()
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["error.type"] == "ExchangeFailed"


async def test_a_cancelled_request_is_told_so() -> None:
    arrived = asyncio.Event()

    async def never(_: Received) -> web.Response:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    spans = Spans()
    async with receiver(never) as there, HttpLane(WEBHOOKS, egress=LOCAL, tracer=spans.tracer) as lane:
        sending = asyncio.create_task(lane.send(Request(method="GET", url=there.url)))
        await arrived.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    (span,) = spans.ended()
    assert (span.attributes or {})["error.type"] == "cancelled"


async def test_a_service_of_ours_continues_the_span_and_a_users_url_hears_nothing() -> None:
    spans = Spans()
    async with (
        receiver() as there,
        HttpLane(STT, tracer=spans.tracer) as ours,
        HttpLane(WEBHOOKS, egress=LOCAL, tracer=spans.tracer) as theirs,
    ):
        with spans.tracer.start_as_current_span("task") as task:
            await ours.send(Request(method="POST", url=there.url))
            await theirs.send(Request(method="POST", url=there.url))
    first, second, _ = spans.ended()
    for span in (first, second):
        assert span.parent is not None
        assert span.parent.span_id == task.get_span_context().span_id
    assert first.context is not None
    told, untold = there.received
    ids = f"{first.context.trace_id:032x}-{first.context.span_id:016x}"
    assert told.headers["traceparent"].startswith(f"00-{ids}-")
    assert not {"traceparent", "tracestate", "baggage"} & untold.headers.keys()


async def test_without_a_provider_nothing_is_made_up() -> None:
    async with receiver() as there, HttpLane(STT) as lane:
        await lane.send(Request(method="POST", url=there.url))
    assert "traceparent" not in there.received[0].headers
