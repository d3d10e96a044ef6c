"""A collector of traces that keeps what the services export to it."""

from __future__ import annotations

import asyncio

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.flow.world import DEADLINE
from tests.receiver import Received


class Collector:
    """What OTLP over HTTP brought, span by span."""

    def __init__(self) -> None:
        self.spans: dict[str, Span] = {}
        self.raw = b""
        self._came = asyncio.Event()

    async def __call__(self, got: Received) -> web.Response:
        self.raw += got.body
        export = ExportTraceServiceRequest.FromString(got.body)
        for resource in export.resource_spans:
            for scope in resource.scope_spans:
                self.spans.update({span.name: span for span in scope.spans})
        self._came.set()
        return web.Response()

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(DEADLINE):
            while not set(names) <= self.spans.keys():
                await self._came.wait()
                self._came.clear()
