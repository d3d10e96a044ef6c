"""Carries a caller's trace into the tasks and events that it causes. Makes and exports no spans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_HEADER = "traceparent"
_W3C = TraceContextTextMapPropagator()


def traceparent() -> str | None:
    """The current trace as W3C Trace Context writes it; None outside of one."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get(_HEADER)


@contextmanager
def in_trace(told: str | None) -> Iterator[None]:
    """Within the block the trace that `told` names, as `traceparent` wrote it, is the current one.

    None, or what names none, changes nothing.
    """
    token = context.attach(_W3C.extract({_HEADER: told or ""}, context.get_current()))
    try:
        yield
    finally:
        context.detach(token)


class TraceContext:
    """ASGI middleware: within a request, its caller's `traceparent` is the current trace.

    Where an OpenTelemetry instrumentation has already opened a span for the request, that span stays.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = _received(scope)
        if received is None or trace.get_current_span().get_span_context().is_valid:
            await self._app(scope, receive, send)
            return
        with in_trace(received):
            await self._app(scope, receive, send)


def _received(scope: Scope) -> str | None:
    for name, value in scope.get("headers", ()):
        if name == _HEADER.encode():
            return bytes(value).decode("latin-1")
    return None
