"""A request's trace reaches the tasks that it enqueues."""

from __future__ import annotations

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from starlette.types import Message, Receive, Scope, Send

from contracts import Catalog, Envelope
from producers import TraceContext, enqueue, publish_event
from producers.testing import recording
from producers.trace import traceparent
from tests.contracts.events import flushed
from tests.producers.tasks import transcript

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


async def seen_by_the_app(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The traceparent that a task enqueued within such a request would carry."""
    seen: list[str | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(traceparent())

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None: ...

    await TraceContext(app)({"type": "http", "headers": headers}, receive, send)
    return seen[0]


async def test_the_callers_trace_is_current_within_its_request_and_not_after() -> None:
    assert await seen_by_the_app([(b"host", b"x"), (b"traceparent", TRACEPARENT.encode())]) == TRACEPARENT
    assert traceparent() is None


async def test_a_request_without_or_with_a_broken_trace_has_none() -> None:
    assert await seen_by_the_app([]) is None
    assert await seen_by_the_app([(b"traceparent", b"00-zz\xff-1-01")]) is None


async def test_a_span_that_is_open_already_stays() -> None:
    span = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    token = context.attach(set_span_in_context(NonRecordingSpan(span)))
    try:
        seen = await seen_by_the_app([(b"traceparent", TRACEPARENT.encode())])
    finally:
        context.detach(token)
    assert seen == f"00-{1:032x}-{2:016x}-01"


async def test_a_lifespan_passes_through() -> None:
    passed: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["type"])

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(_: Message) -> None: ...

    await TraceContext(app)({"type": "lifespan"}, receive, send)
    assert passed == ["lifespan"]


async def test_a_task_and_an_event_carry_the_current_trace(catalog: Catalog) -> None:
    span = SpanContext(int(TRACE_ID, 16), 7, is_remote=False, trace_flags=TraceFlags(1))
    async with recording(catalog) as producer:
        with trace.use_span(NonRecordingSpan(span)):
            await enqueue(transcript(1))
            await publish_event(flushed())
        await enqueue(transcript(2))
        await publish_event(flushed())
    traces = [Envelope.decode(task.http_request.body).trace for task in producer.created]
    traces += [message.attributes.get("traceparent") for message in producer.published]
    assert traces == [f"00-{TRACE_ID}-0000000000000007-01", None] * 2
