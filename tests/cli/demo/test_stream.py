"""Conversations are told in order, in time and whole, to a real HTTP server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest
from aiohttp import web

from cli.demo.conversations import deal, read_conversations
from cli.demo.endpoints import EndpointKind
from cli.demo.errors import UnexpectedAnswer
from cli.demo.services import CONVERSATIONS
from cli.demo.stream import SEGMENTS_PER_FLUSH, Accepted, Call, Stream, schedule
from contracts import Conversation, RealtimeTranscript, delivery_id
from tests.receiver import Received, answering, receiver

TOLD = read_conversations(CONVERSATIONS)


def calls_of(*conversations: Conversation) -> tuple[Call, ...]:
    numbers = count()
    dealt = [(EndpointKind.GOOD, conversation) for conversation in conversations]
    return schedule(dealt, new_stream_id=lambda: f"stream-{next(numbers)}")[EndpointKind.GOOD]


def flushes(calls: tuple[Call, ...]) -> list[dict[str, Any]]:
    return [call.body for call in calls if isinstance(call.body, dict) and "sequence" in call.body]


def test_a_conversation_is_flushed_while_it_runs_and_then_told_whole() -> None:
    conversation = TOLD[0]
    *flushed, whole = calls_of(conversation)
    assert {call.path for call in flushed} == {"/v1/users/demo-good/transcript-flushes"}
    assert whole.path == "/v1/users/demo-good/conversations"
    assert Conversation.model_validate(whole.body) == conversation
    read = [RealtimeTranscript.model_validate(call.body) for call in flushed]
    assert [(each.stream_id, each.sequence) for each in read] == [("stream-0", n) for n in range(len(read))]
    assert all(len(each.segments) <= SEGMENTS_PER_FLUSH for each in read)
    told = tuple(segment for each in read for segment in each.segments)
    assert told == conversation.transcript_segments
    # A flush is told when its last segment has been said.
    assert [call.at for call in flushed] == [each.segments[-1].end for each in read]
    assert whole.at == conversation.transcript_segments[-1].end


def test_one_conversation_follows_the_other_on_a_stream_of_its_own() -> None:
    first, second = calls_of(TOLD[0]), calls_of(TOLD[1])
    both = calls_of(TOLD[0], TOLD[1])
    assert [call.at for call in both[len(first) :]] == [first[-1].at + call.at for call in second]
    assert {flush["stream_id"] for flush in flushes(both)} == {"stream-0", "stream-1"}


def test_a_conversation_without_words_is_told_at_once() -> None:
    silent = TOLD[0].model_copy(update={"transcript_segments": ()})
    assert [call.at for call in calls_of(silent)] == [0.0]


async def accept(received: Received) -> web.Response:
    """A receipt as the backend gives it, named after what was told."""
    body = json.loads(received.body)
    identity = f"{received.path}/{body.get('stream_id', body.get('id'))}/{body.get('sequence', '')}"
    return web.json_response(
        {
            "task": "projects/p/locations/l/queues/q/tasks/t",
            "queue": "q",
            "type": "developer-webhook",
            "identity": identity,
            "delivery_id": delivery_id("developer-webhook", identity),
            "accepted_at": "2026-09-07T07:14:25Z",
            "duplicate": False,
        },
        status=202,
    )


@dataclass
class Told:
    """What a stream was told back, and how long it would have slept."""

    accepted: list[tuple[EndpointKind, Accepted]] = field(default_factory=list)
    slept: float = 0.0

    def note(self, kind: EndpointKind, accepted: Accepted) -> None:
        self.accepted.append((kind, accepted))

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept += seconds


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as opened:
        yield opened


async def test_every_call_is_made_and_every_receipt_noted(client: httpx.AsyncClient) -> None:
    told = Told()
    calls = schedule(deal(TOLD[:10]), new_stream_id=iter("abcdefghij").__next__)
    async with receiver(accept) as backend:
        stream = Stream(
            calls, client, backend=backend.url, seconds=2, on_accepted=told.note, sleep=told.sleep
        )
        await stream.run()
    made = [(request.path, json.loads(request.body)) for request in backend.received]
    expected = [(call.path, call.body) for own in calls.values() for call in own]
    assert sorted(made, key=repr) == sorted(expected, key=repr)
    assert len({accepted.delivery_id for _, accepted in told.accepted}) == len(expected)
    for kind, own in calls.items():
        # Each user's calls come in their order.
        assert [body for path, body in made if f"/{kind.uid}/" in path] == [call.body for call in own]


async def test_the_longest_talk_takes_the_given_time(client: httpx.AsyncClient) -> None:
    told = Told()
    async with receiver(accept) as backend:
        calls = {EndpointKind.SLOW: calls_of(*TOLD[:3])}
        await Stream(
            calls, client, backend=backend.url, seconds=2, on_accepted=told.note, sleep=told.sleep
        ).run()
    assert told.slept == pytest.approx(2)


async def test_half_told_is_set_in_the_middle(client: httpx.AsyncClient) -> None:
    calls = {EndpointKind.GOOD: calls_of(TOLD[0], TOLD[1])}
    total = len(calls[EndpointKind.GOOD])
    seen: list[bool] = []
    async with receiver(accept) as backend:
        stream = Stream(
            calls,
            client,
            backend=backend.url,
            seconds=0,
            on_accepted=lambda *_: seen.append(stream.half_told.is_set()),
        )
        await stream.run()
    assert seen.count(True) == total // 2
    assert seen == sorted(seen)
    assert stream.half_told.is_set()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (answering(503, body=b"queue away"), "the backend answered 503 to POST /v1/users/.*: queue away"),
        (answering(202, body=b"{}"), "the backend's receipt for POST /v1/users/.*: "),
    ],
)
async def test_what_is_not_accepted_ends_the_stream(
    client: httpx.AsyncClient, answer: Any, message: str
) -> None:
    async with receiver(answer) as backend:
        calls = {EndpointKind.GOOD: calls_of(TOLD[0])}
        stream = Stream(calls, client, backend=backend.url, seconds=0, on_accepted=Told().note)
        with pytest.raises(ExceptionGroup) as raised:
            await stream.run()
    assert raised.group_contains(UnexpectedAnswer, match=message)
    assert len(backend.received) == 1


async def test_a_backend_that_is_away_is_named(client: httpx.AsyncClient) -> None:
    async with receiver(accept) as backend:
        gone = backend.url
    stream = Stream(
        {EndpointKind.GOOD: calls_of(TOLD[0])}, client, backend=gone, seconds=0, on_accepted=Told().note
    )
    with pytest.raises(ExceptionGroup) as raised:
        await stream.run()
    assert raised.group_contains(UnexpectedAnswer, match="the backend gave no answer to POST")
