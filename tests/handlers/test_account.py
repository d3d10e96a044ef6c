"""What each attempt leaves in log and trace: one line, one span, in the trace that enqueued the task."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from handlers.account import Accounts
from handlers.delivery import End, Reason, Returned, TargetFailed, TargetRefused
from handlers.effect import Delivery
from handlers.pipeline import Pipeline
from lanes import CloudLogFormatter
from producers import Unreachable
from tests.handlers.conftest import Note, Service
from tests.spans import Spans

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NOTE = Note(id="u1/s3cret-title", realtime=False)


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def pipeline(service: Service, spans: Spans) -> Pipeline:
    return replace(service.pipeline, accounts=Accounts(spans.tracer))


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines about attempts, as Cloud Logging gets them."""
    written = [json.loads(CloudLogFormatter().format(record)) for record in caplog.records]
    return [fields for fields in written if "task" in fields]


async def test_a_span_continues_the_trace_that_enqueued(
    service: Service, pipeline: Pipeline, spans: Spans
) -> None:
    envelope = service.seal(NOTE).model_copy(update={"trace": f"00-{TRACE}-{PARENT}-01"})

    async def effect(_: Note, __: Delivery) -> End:
        with spans.tracer.start_as_current_span("inside"):
            pass
        return Returned()

    service.effect = effect
    with spans.tracer.start_as_current_span("request") as request:
        await pipeline.handle(service.request(envelope))
    inside, task, _ = spans.ended()
    assert (task.name, task.kind) == ("process note", SpanKind.CONSUMER)
    assert task.context is not None
    assert task.parent is not None
    assert (f"{task.context.trace_id:032x}", f"{task.parent.span_id:016x}") == (TRACE, PARENT)
    assert [link.context for link in task.links] == [request.get_span_context()]
    assert inside.parent == task.context
    assert (task.attributes or {})["sidelane.task.outcome"] == "done"


@pytest.mark.parametrize("trace", [None, "junk", "00-0-0-00"])
async def test_without_a_trace_of_its_own_a_task_begins_one(
    service: Service, pipeline: Pipeline, spans: Spans, trace: str | None
) -> None:
    await pipeline.handle(service.request(service.seal(NOTE).model_copy(update={"trace": trace})))
    (task,) = spans.ended()
    assert task.parent is None


async def test_an_attempt_is_one_line_of_structured_fields(
    service: Service, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handlers.account")

    async def effect(_: Note, delivery: Delivery) -> End:
        return Returned() if delivery.attempt == 2 else TargetFailed("s3cret in an error")

    service.effect = effect
    envelope = service.seal(NOTE)
    await pipeline.handle(service.request(envelope))
    (_, onward, _), *_ = service.created()
    await pipeline.handle(service.request(onward))
    await pipeline.handle(service.request(onward))
    told = lines(caplog)
    assert [line["severity"] for line in told] == ["INFO"] * 3
    assert {float(line["task"].pop("seconds")) > 0 for line in told} == {True}
    common = {
        "type": "note",
        "delivery": envelope.delivery_id,
        "generation": 0,
        "park": 0,
        "queue": "developer-webhooks",
        "target": "notebook",
        "status": 200,
    }
    assert [line["task"] for line in told] == [
        {**common, "attempt": 1, "outcome": "retry", "reason": "target-failed"},
        {**common, "attempt": 2, "outcome": "done", "reason": "delivered"},
        {**common, "attempt": 2, "outcome": "done", "reason": "delivered"},
    ]
    assert "s3cret" not in caplog.text
    assert "already done" in told[-1]["message"]


async def test_what_could_not_be_recorded_is_a_warning_and_an_error_span(
    service: Service,
    pipeline: Pipeline,
    spans: Spans,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*_: object) -> str:
        raise Unreachable("no answer from Pub/Sub")

    async def effect(_: Note, __: Delivery) -> End:
        return TargetRefused(Reason.GONE, "gone")

    service.effect = effect
    monkeypatch.setattr(service.producer, "publish", away)
    reply = await pipeline.handle(service.request(service.seal(NOTE)))
    assert reply.status == 500
    (line,) = lines(caplog)
    assert (line["severity"], line["task"]["status"], line["task"]["outcome"]) == ("WARNING", 500, "none")
    (task,) = spans.ended()
    assert task.status.status_code is StatusCode.ERROR


async def test_an_attempt_that_is_cancelled_is_told_too(
    service: Service, pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "handlers.account")
    started = asyncio.Event()

    async def effect(_: Note, __: Delivery) -> End:
        started.set()
        await asyncio.Event().wait()
        return Returned()

    service.effect = effect
    handling = asyncio.create_task(pipeline.handle(service.request(service.seal(NOTE))))
    await started.wait()
    handling.cancel()
    await asyncio.gather(handling, return_exceptions=True)
    (line,) = lines(caplog)
    assert (line["task"]["reason"], line["task"]["outcome"]) == ("cancelled", "none")


async def test_a_type_that_nobody_knows_names_no_span(
    service: Service, pipeline: Pipeline, spans: Spans
) -> None:
    envelope = service.seal(NOTE).model_copy(update={"type": "made-up-by-somebody"})
    await pipeline.handle(service.request(envelope))
    (task,) = spans.ended()
    assert task.name == "process unknown"
