"""Traces go out by OTLP where a variable says whereto, and nowhere else."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lanes import Tracing
from tests.receiver import answering, receiver

SERVICE = """
import asyncio
from opentelemetry import trace
from lanes import Tracing

tracing = Tracing("handlers")
tracing.open()
with trace.get_tracer("test").start_as_current_span("deliver"):
    pass
assert asyncio.run(tracing.aclose(grace=10))
"""


async def test_a_span_reaches_the_collector() -> None:
    async with receiver(answering(200)) as collector:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            SERVICE,
            cwd=Path(__file__).parents[2],
            env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
        )
        assert await process.wait() == 0
    [request] = collector.received
    assert request.path == "/v1/traces"
    export = ExportTraceServiceRequest.FromString(request.body)
    [resource] = export.resource_spans
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert attributes["service.name"] == "handlers"
    assert [span.name for span in resource.scope_spans[0].spans] == ["deliver"]


async def test_without_an_endpoint_nothing_is_opened() -> None:
    tracing = Tracing("handlers", {})
    assert not tracing.is_configured
    tracing.open()
    assert await tracing.aclose(grace=0)


def test_an_endpoint_for_traces_alone_counts() -> None:
    assert Tracing("handlers", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"}).is_configured
