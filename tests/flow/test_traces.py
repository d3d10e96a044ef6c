"""One trace from the router to the receiver, through a real queue and a real collector."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from contracts import Catalog, Conversation, DeveloperWebhook, MemoryCreated, Structured
from tests.flow.collector import Collector
from tests.flow.world import SECRET, World, world
from tests.receiver import receiver

TRACE_ID, SPAN_ID = 0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TASK = DeveloperWebhook(
    uid="u1",
    event=MemoryCreated(
        conversation=Conversation(id="c1", created_at=NOW, structured=Structured(title="a walk in private"))
    ),
)


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
async def running(
    tmp_path: Path, catalog: Catalog, catalog_file: Path, collector: Collector
) -> AsyncIterator[World]:
    async with receiver(collector) as collecting:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collecting.url,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        async with world(
            tmp_path, catalog, catalog_file, factory="handlers.app:create_app", environment=environment
        ) as opened:
            yield opened


async def test_a_trace_runs_from_the_router_to_the_receiver(running: World, collector: Collector) -> None:
    await running.register("u1", "/hook/s3cret?key=s3cret", ["memory_created"])
    router = NonRecordingSpan(
        SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    )
    token = context.attach(trace.set_span_in_context(router))
    await running.producer.enqueue(TASK)
    context.detach(token)
    await collector.until("process developer-webhook", "POST")

    task, request = collector.spans["process developer-webhook"], collector.spans["POST"]
    assert task.trace_id == request.trace_id == TRACE_ID.to_bytes(16, "big")
    assert task.parent_span_id == SPAN_ID.to_bytes(8, "big")
    assert request.parent_span_id == task.span_id
    (got,) = running.receiver.received
    assert not {"traceparent", "tracestate", "baggage"} & got.headers.keys()
    for secret in (b"s3cret", SECRET.encode(), b"a walk in private", b"Bearer "):
        assert secret not in collector.raw
