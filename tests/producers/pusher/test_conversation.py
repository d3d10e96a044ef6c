"""A conversation's end: processed in a thread of the critical executor, then told; and what prevents that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from contracts import (
    Catalog,
    Conversation,
    ConversationCreated,
    DeveloperWebhook,
    Geocode,
    MemoryCreated,
    Structured,
)
from lanes import Executor, ExecutorSettings
from producers.pusher import Close, Conversations, EndedConversation, PusherLimits
from producers.testing import RecordingProducer, recording
from tests.producers.pusher.streams import Running, new_pusher, start

HERE = {"latitude": 52.5, "longitude": 13.4}


@dataclass
class Processing:
    given: list[EndedConversation] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    error: Exception | None = None

    def __call__(self, ended: EndedConversation) -> Conversation:
        self.given.append(ended)
        self.threads.append(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        return Conversation(
            id=ended.conversation_id,
            created_at=datetime(2026, 5, 1, tzinfo=UTC),
            transcript_segments=tuple(ended.segments),
            structured=Structured(title="Breakfast"),
        )


@pytest.fixture
async def critical() -> AsyncIterator[Executor]:
    executor = Executor(ExecutorSettings(name="critical", threads=2, max_waiting=2))
    await executor.open()
    yield executor
    await executor.aclose()


@pytest.fixture
async def producer(catalog: Catalog) -> AsyncIterator[RecordingProducer]:
    async with recording(catalog) as opened:
        yield opened


async def hung_up(running: Running) -> Close:
    running.socket.hang_up()
    async with asyncio.timeout(3):
        return await running.end


async def test_an_end_flushes_processes_off_the_loop_and_tells(
    producer: RecordingProducer, critical: Executor
) -> None:
    process = Processing()
    pusher = new_pusher(conversations=Conversations(critical=critical, process=process))
    running = start(pusher)
    running.socket.speak("a", "b")
    running.socket.say(type="end", conversation_id="c-1", at=HERE)
    running.socket.speak("c")
    running.socket.say(type="end", conversation_id="c-2")
    assert await hung_up(running) is Close.DONE

    assert [[segment.text for segment in ended.segments] for ended in process.given] == [["a", "b"], ["c"]]
    assert all(name.startswith("critical-") for name in process.threads)
    created = [event for event in producer.events if isinstance(event, ConversationCreated)]
    assert [event.conversation.id for event in created] == ["c-1", "c-2"]
    told = [
        task.event.conversation.id
        for task in producer.tasks
        if isinstance(task, DeveloperWebhook) and isinstance(task.event, MemoryCreated)
    ]
    assert told == ["c-1", "c-2"]
    assert [task.conversation_id for task in producer.tasks if isinstance(task, Geocode)] == ["c-1"]
    assert [frame["conversation_id"] for frame in running.socket.of("conversation")] == ["c-1", "c-2"]


async def test_processing_that_fails_is_told_and_the_socket_stays(
    producer: RecordingProducer, critical: Executor, caplog: pytest.LogCaptureFixture
) -> None:
    process = Processing(error=RuntimeError("no model"))
    pusher = new_pusher(conversations=Conversations(critical=critical, process=process))
    running = start(pusher)
    running.socket.speak("a")
    running.socket.say(type="end", conversation_id="c-1")
    running.socket.speak("b")
    assert await hung_up(running) is Close.DONE
    assert [frame["what"] for frame in running.socket.of("dropped")] == ["conversation"]
    assert pusher.statistics().dropped_conversations == 1
    assert [frame["through"] for frame in running.socket.of("flushed")] == [1, 2]
    assert [record.message for record in caplog.records] == ["a conversation was not processed"]


async def test_a_conversation_too_long_leaves_out_its_oldest_segments_and_says_so(
    producer: RecordingProducer, critical: Executor
) -> None:
    process = Processing()
    pusher = new_pusher(
        limits=PusherLimits(conversation_segments=2),
        conversations=Conversations(critical=critical, process=process),
    )
    running = start(pusher)
    running.socket.speak("a", "b", "c")
    running.socket.say(type="end", conversation_id="c-1")
    await hung_up(running)
    assert [segment.text for segment in process.given[0].segments] == ["b", "c"]
    assert [(f["what"], f["count"]) for f in running.socket.of("dropped")] == [("conversation", 1)]


async def test_without_processing_an_end_is_refused(producer: RecordingProducer) -> None:
    running = start(new_pusher())
    running.socket.say(type="end", conversation_id="c-1")
    await hung_up(running)
    assert [frame["field"] for frame in running.socket.of("error")] == ["type"]
