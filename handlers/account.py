"""Tells of each attempt once: a span in the trace that enqueued the task, a line in the log. Decides nothing.

Neither holds a payload, a URL, a key or what an error said: the ledger and the dead letters keep that. The
task is named by its delivery id, which its receiver knows as `webhook-id`, not by its identity.
"""

from __future__ import annotations

import logging
import time
from contextvars import Token
from types import TracebackType
from typing import Self

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from handlers.arrival import Arrival
from handlers.reply import Reply

_log = logging.getLogger(__name__)
_W3C = TraceContextTextMapPropagator()
_CANCELLED = Reply(500, "cancelled")


class Accounts:
    """Makes the account of each attempt."""

    def __init__(self, tracer: trace.Tracer | None = None) -> None:
        """`tracer`: that of the process by default."""
        self._tracer = tracer or trace.get_tracer("sidelane.handlers")

    def of(self, arrival: Arrival) -> Account:
        return Account(arrival, self._tracer)


class Account:
    """Within its block the task's span is the current one: a child of the span that enqueued the task."""

    __slots__ = ("_arrival", "_began", "_reply", "_span", "_token", "_tracer")

    def __init__(self, arrival: Arrival, tracer: trace.Tracer) -> None:
        self._arrival = arrival
        self._tracer = tracer
        self._reply = _CANCELLED

    def __call__(self, reply: Reply) -> Reply:
        """Note what the attempt is answered, and return it."""
        self._reply = reply
        return reply

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        envelope = self._arrival.envelope
        parent: Context | None = None
        links: list[Link] = []
        if envelope.trace:
            parent = _W3C.extract({"traceparent": envelope.trace}, context=Context())
            request = trace.get_current_span().get_span_context()
            links = [Link(request)] if request.is_valid else []
        self._span = self._tracer.start_span(
            f"process {self._type}", context=parent, kind=SpanKind.CONSUMER, links=links
        )
        self._token: Token[Context] = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        fields = self._fields()
        reply = self._reply
        level = logging.INFO if reply.status < 500 else logging.WARNING
        if _log.isEnabledFor(level):
            _log.log(
                level,
                "%s %s attempt %s: %s (%s)",
                fields["type"],
                fields["delivery"],
                fields["attempt"],
                reply.word if reply.status < 500 else f"answered {reply.status}",
                fields["reason"],
                extra={"task": fields},
            )
        if self._span.is_recording():
            self._span.set_attributes({f"sidelane.task.{name}": value for name, value in fields.items()})
            if reply.status >= 500:
                self._span.set_status(Status(StatusCode.ERROR))
            self._span.end()
        context.detach(self._token)

    @property
    def _type(self) -> str:
        """What others made up must not become the name of a span."""
        return self._arrival.envelope.type if self._arrival.task else "unknown"

    def _fields(self) -> dict[str, str | int | float]:
        envelope, outcome = self._arrival.envelope, self._reply.outcome
        return {
            "type": self._type,
            "delivery": envelope.delivery_id,
            "generation": envelope.generation,
            "attempt": envelope.attempt,
            "park": envelope.park,
            "queue": self._arrival.queue.name,
            "target": self._arrival.target,
            "outcome": outcome.kind if outcome else "none",
            "reason": outcome.reason if outcome else self._reply.word.partition(":")[0],
            "status": self._reply.status,
            "seconds": round(time.perf_counter() - self._began, 6),
        }
