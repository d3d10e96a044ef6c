"""Writes logs as JSON lines in Cloud Logging's fields, with the current trace, off the event loop."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from queue import Empty, SimpleQueue
from typing import Any, TextIO

from opentelemetry import trace

_SEVERITIES = {
    logging.DEBUG: "DEBUG",
    logging.INFO: "INFO",
    logging.WARNING: "WARNING",
    logging.ERROR: "ERROR",
    logging.CRITICAL: "CRITICAL",
}
_PAUSE = 0.02
"""Seconds by which a line may be late."""
_SPAN = "otel_span_context"
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", _SPAN}
"""What every record has; the rest came by `extra` and becomes a field of its own."""


_NONE: Mapping[str, str] = {}
_fields: ContextVar[Mapping[str, str]] = ContextVar("log_fields", default=_NONE)


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Within the block, and in the tasks that start there, every record has these fields too.

    They are as those of `extra`, which win over them.
    """
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


class CloudLogFormatter(logging.Formatter):
    """One JSON object a record, in the fields of
    https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields.

    What is given by `extra` becomes fields beside them; a value that JSON does not know is written as text.
    """

    def __init__(self, *, project: str | None = None) -> None:
        """`project`: whose traces the ids belong to; without one they stand alone."""
        super().__init__()
        self._project = project
        self._encode = json.JSONEncoder(default=str).encode

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        fields: dict[str, Any] = {
            "severity": _SEVERITIES.get(record.levelno, "DEFAULT"),
            "message": message,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            "logging.googleapis.com/sourceLocation": {
                "file": record.pathname,
                "line": str(record.lineno),
                "function": record.funcName,
            },
        }
        fields |= {name: value for name, value in vars(record).items() if name not in _ORDINARY}
        fields |= self._trace(record)
        return self._encode(fields)

    def _trace(self, record: logging.LogRecord) -> dict[str, Any]:
        span: trace.SpanContext | None = getattr(record, _SPAN, None)
        if span is None or not span.is_valid:
            return {}
        trace_id = trace.format_trace_id(span.trace_id)
        return {
            "logging.googleapis.com/trace": (
                f"projects/{self._project}/traces/{trace_id}" if self._project else trace_id
            ),
            "logging.googleapis.com/spanId": trace.format_span_id(span.span_id),
            "logging.googleapis.com/trace_sampled": span.trace_flags.sampled,
        }


@dataclass(frozen=True, slots=True)
class LogStatistics:
    """Records that wait to be written, at most `max_waiting`, and those dropped since the start."""

    waiting: int
    max_waiting: int
    dropped_total: int


class Logs:
    """Hands records to a thread that writes them, so that a slow reader of the log stalls no event loop.

    At most `max_waiting` records wait; one more is dropped and counted.
    """

    def __init__(
        self,
        *,
        project: str | None = None,
        level: int = logging.INFO,
        stream: TextIO | None = None,
        max_waiting: int = 10_000,
    ) -> None:
        """`stream`: where the lines go; stdout by default, which is what Cloud Run collects."""
        self._level = level
        self._max_waiting = max_waiting
        self._queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
        writer = _Writer(stream or sys.stdout, self._queue)
        writer.setFormatter(CloudLogFormatter(project=project))
        self._listener = _Listener(self._queue, writer)
        self._handler = _Bounded(self._queue, max_waiting)
        self._before: tuple[list[logging.Handler], int] | None = None

    def open(self) -> None:
        """Take over the root logger: what it had is put back at `close`."""
        root = logging.getLogger()
        self._before = root.handlers, root.level
        root.handlers, root.level = [self._handler], self._level
        self._listener.start()

    def close(self) -> None:
        """Write what waits, and give the root logger back. Calling it again does nothing."""
        if self._before is None:
            return
        root = logging.getLogger()
        (root.handlers, root.level), self._before = self._before, None
        self._listener.stop()

    def statistics(self) -> LogStatistics:
        return LogStatistics(self._queue.qsize(), self._max_waiting, self._handler.dropped)


class _Writer(logging.StreamHandler[TextIO]):
    """Writes records, and flushes once none is waiting: a burst of lines is a few writes, not one each."""

    def __init__(self, stream: TextIO, waiting: SimpleQueue[logging.LogRecord]) -> None:
        super().__init__(stream)
        self._waiting = waiting

    def flush(self) -> None:
        if self._waiting.empty():
            super().flush()


class _Listener(QueueListener):
    """Once nothing waits, it looks again a little later: a record that came alone would wake its thread, and
    the event loop would wait for that as often as it writes to the log."""

    def dequeue(self, block: bool) -> logging.LogRecord:
        with suppress(Empty):
            return super().dequeue(False)
        time.sleep(_PAUSE)
        return super().dequeue(block)


class _Bounded(QueueHandler):
    def __init__(self, queue: SimpleQueue[logging.LogRecord], max_waiting: int) -> None:
        super().__init__(queue)
        self._records = queue
        self._max_waiting = max_waiting
        self.dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record as it is now: its arguments may change before the thread comes to write them."""
        kept = object.__new__(logging.LogRecord)
        kept.__dict__.update(record.__dict__)
        kept.msg, kept.args = record.getMessage(), None
        setattr(kept, _SPAN, trace.get_current_span().get_span_context())
        for name, value in _fields.get().items():
            kept.__dict__.setdefault(name, value)
        return kept

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._records.qsize() >= self._max_waiting:
            self.dropped += 1
            return
        self._records.put(record)
