"""Exports OpenTelemetry traces by OTLP over HTTP where the usual variables say so; it makes no span."""

from __future__ import annotations

import os
from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from lanes.in_thread import in_thread

_MAX_QUEUE = 2048
"""Spans that wait for their export; more are dropped."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Tracing:
    """The process's tracer provider, exporting from a thread of its own.

    OpenTelemetry has one provider a process, which whoever makes spans looks up; the first one set stays.
    Its exporter and sampler are set by the variables of
    https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
    """

    def __init__(self, service: str, environment: Mapping[str, str] = os.environ) -> None:
        """`service`: its name in the traces, unless OTEL_SERVICE_NAME tells another."""
        self._service = environment.get("OTEL_SERVICE_NAME", service)
        self.is_configured = any(environment.get(name) for name in _ENDPOINTS)
        self._provider: TracerProvider | None = None

    def open(self) -> None:
        """Export from now on; nothing where no endpoint is configured."""
        if not self.is_configured:
            return
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: self._service}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=_MAX_QUEUE))
        trace.set_tracer_provider(self._provider)

    async def aclose(self, *, grace: float) -> bool:
        """Export what waits, for at most `grace` seconds. Returns whether all of it was exported."""
        provider, self._provider = self._provider, None
        return provider is None or await in_thread(provider.force_flush, int(grace * 1000))
