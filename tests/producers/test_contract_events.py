"""What a producer promises of events: the real one on the emulator and the recording one are asked alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from contracts import TASK_TYPES, TaskRegistry, TranscriptFlushed
from producers import InvalidIdentity, Producer, UnknownTopic, publish_event
from tests.contracts.events import created, flushed
from tests.producers.subject import Subject


@pytest.fixture
async def producer(subject: Subject) -> AsyncIterator[Producer]:
    async with subject.build(TaskRegistry(TASK_TYPES)) as opened:
        yield opened


async def test_an_event_is_published_to_the_topic_of_its_name(producer: Producer) -> None:
    first = await producer.publish_event(created())
    second = await publish_event(created())
    assert first
    assert second not in ("", first)


async def test_an_event_that_cannot_be_carried_is_refused(producer: Producer) -> None:
    class Unheard(TranscriptFlushed):
        name: ClassVar[str] = "unheard"

    with pytest.raises(UnknownTopic, match="'unheard' needs a topic of its name"):
        await producer.publish_event(Unheard.model_validate(flushed().model_dump()))
    with pytest.raises(InvalidIdentity, match=r"event 'conversation-created': .*at most 500"):
        await producer.publish_event(created("ü" * 100))
