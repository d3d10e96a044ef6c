"""Tasks that wait for their time, and may be cancelled until then: of both kinds of producer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import NotFound

from contracts import (
    TASK_TYPES,
    Envelope,
    TaskRegistry,
)
from producers import (
    InvalidSchedule,
    Producer,
    cancel,
)
from tests.producers.subject import Note, Subject
from tests.producers.tasks import memory, transcript

ACCEPTED_AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
async def producer(subject: Subject) -> AsyncIterator[Producer]:
    async with subject.build(TaskRegistry((*TASK_TYPES, Note))) as opened:
        yield opened


async def test_a_schedule_is_carried(subject: Subject, producer: Producer) -> None:
    at = datetime.now(UTC).replace(microsecond=250_000) + timedelta(days=29)
    receipt = await producer.enqueue(transcript(), schedule_at=at)
    created = await subject.look(producer, receipt.task)
    assert created.schedule_time == at


async def test_the_age_of_a_delayed_task_counts_from_its_time(subject: Subject, producer: Producer) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=29)
    receipt = await producer.enqueue(transcript(), schedule_at=at)
    created = await subject.look(producer, receipt.task)
    assert Envelope.decode(created.http_request.body).accepted_at == receipt.accepted_at == at
    past = await producer.enqueue(memory(), schedule_at=ACCEPTED_AT)
    assert datetime.now(UTC) - past.accepted_at < timedelta(minutes=1)


async def test_a_cancelled_task_is_there_no_more(subject: Subject, producer: Producer) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    by_receipt = await producer.enqueue(transcript(1), schedule_at=at)
    await producer.enqueue(transcript(2), schedule_at=at)
    kept = await producer.enqueue(transcript(3), schedule_at=at)
    assert await producer.cancel(by_receipt)
    assert await cancel(transcript(2))
    for gone in (by_receipt, transcript(2), transcript(9)):
        assert not await producer.cancel(gone)
    with pytest.raises((NotFound, StopIteration, RuntimeError)):
        await subject.look(producer, by_receipt.task)
    assert (await subject.look(producer, kept.task)).name == kept.task


async def test_the_name_of_a_cancelled_task_stays_taken(producer: Producer) -> None:
    await producer.enqueue(transcript(), schedule_at=datetime.now(UTC) + timedelta(hours=1))
    assert await producer.cancel(transcript())
    assert (await producer.enqueue(transcript())).duplicate


async def test_a_naive_schedule_is_refused(producer: Producer) -> None:
    naive = datetime(2026, 5, 1, 9)  # noqa: DTZ001  # the very fault
    with pytest.raises(InvalidSchedule, match="has no time zone"):
        await producer.enqueue(transcript(), schedule_at=naive)


async def test_a_schedule_over_thirty_days_ahead_is_refused(producer: Producer) -> None:
    at = datetime.now(UTC) + timedelta(days=30, minutes=1)
    with pytest.raises(InvalidSchedule, match="more than 30 days ahead"):
        await producer.enqueue(transcript(), schedule_at=at)
