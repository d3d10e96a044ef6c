"""The client span of a request of a lane: whom it called, how that ended; never a path, query or header.

Names are those of OpenTelemetry's semantic conventions for HTTP clients (1.29). Where nobody records, it
costs no more than asking that.
"""

from __future__ import annotations

import httpx
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

_DEFAULT_PORTS = {"http": 80, "https": 443}


class RequestSpan:
    """Begun when it is made; a child of the current span, and never itself the current one."""

    def __init__(self, tracer: trace.Tracer, method: str) -> None:
        self._span = tracer.start_span(method, kind=SpanKind.CLIENT)
        self._status: int | None = None
        if self._span.is_recording():
            self._span.set_attribute("http.request.method", method)

    def headers(self) -> dict[str, str]:
        """What tells the other side of this trace."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier, trace.set_span_in_context(self._span))
        return carrier

    def goes_to(self, url: httpx.URL) -> None:
        if self._span.is_recording():
            self._span.set_attribute("server.address", url.host)
            self._span.set_attribute("server.port", url.port or _DEFAULT_PORTS[url.scheme])

    def answered(self, status: int) -> None:
        self._status = status

    def end(self, error: str | None) -> None:
        """`error`: the kind of what went wrong besides an answer; None where nothing did."""
        if not self._span.is_recording():
            return
        if self._status is not None:
            self._span.set_attribute("http.response.status_code", self._status)
            if error is None and self._status >= 400:
                error = str(self._status)
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()
