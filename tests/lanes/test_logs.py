"""Logs as Cloud Logging reads them: one line a record, with its trace, and never at the cost of the loop."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from lanes import Logs

logger = logging.getLogger("tests.lanes.logs")


class Written(io.StringIO):
    """What was written; while it is held, the writer waits."""

    def __init__(self) -> None:
        super().__init__()
        self.let_through = threading.Event()
        self.let_through.set()
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.let_through.wait(20)
        return super().write(text)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def logs(written: Written) -> Iterator[Logs]:
    logs = Logs(project="demo", stream=written, max_waiting=2)
    logs.open()
    yield logs
    logs.close()


def test_a_record_is_one_line_in_cloud_loggings_fields(logs: Logs, written: Written) -> None:
    logger.warning("%d of %s\nleft", 3, "tasks", extra={"task": "a", "detail": {1}})
    logs.close()
    [line] = written.lines()
    assert line["severity"] == "WARNING"
    assert line["message"] == "3 of tasks\nleft"
    assert line["task"] == "a"
    assert line["detail"] == "{1}"
    assert line["logger"] == "tests.lanes.logs"
    source = line["logging.googleapis.com/sourceLocation"]
    assert source["file"].endswith("test_logs.py")
    assert source["function"] == "test_a_record_is_one_line_in_cloud_loggings_fields"
    assert "logging.googleapis.com/trace" not in line


def test_a_record_names_the_trace_in_which_it_was_made(logs: Logs, written: Written) -> None:
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("request") as span:
        logger.info("inside")
    logs.close()
    context = span.get_span_context()
    [line] = written.lines()
    assert line["logging.googleapis.com/trace"] == f"projects/demo/traces/{context.trace_id:032x}"
    assert line["logging.googleapis.com/spanId"] == f"{context.span_id:016x}"
    assert line["logging.googleapis.com/trace_sampled"] is True


def test_an_exception_comes_with_its_traceback(logs: Logs, written: Written) -> None:
    try:
        raise LookupError("gone")
    except LookupError:
        logger.exception("could not look")
    logs.close()
    [line] = written.lines()
    assert line["severity"] == "ERROR"
    assert line["message"].startswith("could not look\nTraceback")
    assert line["message"].endswith("LookupError: gone")


def test_what_a_record_says_is_settled_when_it_is_made(logs: Logs, written: Written) -> None:
    seen = ["first"]
    logger.info("saw %s", seen)
    seen.append("second")
    logs.close()
    assert written.lines()[0]["message"] == "saw ['first']"


def test_a_slow_reader_costs_records_and_nothing_else(logs: Logs, written: Written) -> None:
    written.let_through.clear()
    logger.info("being written")
    assert written.reached.wait(20)
    for number in range(5):
        logger.info("waits %d", number)
    statistics = logs.statistics()
    assert (statistics.waiting, statistics.max_waiting, statistics.dropped_total) == (2, 2, 3)
    written.let_through.set()
    logs.close()
    assert [line["message"] for line in written.lines()] == ["being written", "waits 0", "waits 1"]


def test_the_root_logger_is_given_back(written: Written) -> None:
    before = logging.getLogger().handlers, logging.getLogger().level
    logs = Logs(stream=written)
    logs.open()
    assert logging.getLogger().handlers != before[0]
    logs.close()
    assert (logging.getLogger().handlers, logging.getLogger().level) == before
