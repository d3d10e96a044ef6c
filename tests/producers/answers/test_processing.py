"""Conversations processed by a model: everything asked at once, bounded, one deadline for all."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from contracts import Conversation
from lanes import DeadlineExceeded, HttpLane
from producers import ThirdPartyFailed
from producers.models import HttpModel
from producers.processing import STANDARD, App, ProcessingLimits, process
from tests.llm_service import Parking, asked, says
from tests.receiver import Received, Receiver

CONVERSATION = Conversation.model_validate(
    {
        "id": "c-1",
        "created_at": "2026-05-01T09:00:00+02:00",
        "transcript_segments": [
            {"text": "Shall we?", "speaker_name": "Ada", "start": 0, "end": 1},
            {"text": "Yes.", "speaker": "SPEAKER_1", "start": 1, "end": 2},
        ],
        "structured": {"title": ""},
    }
)
APPS = [App(id="a", instruction="Rhyme it."), App(id="b", instruction="Count it.")]
LIMITS = ProcessingLimits(deadline=5)


async def told(got: Received) -> web.Response:
    return says(f"did: {asked(got)[0]}")


async def test_every_conversation_gets_the_standard_and_each_app_its_own(
    model: HttpModel, service: Receiver
) -> None:
    service.respond = told
    done = await process(CONVERSATION, APPS, model, LIMITS)
    assert done.standard == {name: f"did: {instruction}" for name, instruction in STANDARD.items()}
    assert done.apps == {"a": "did: Rhyme it.", "b": "did: Count it."}
    assert done.missing == {}
    assert {asked(got)[1] for got in service.received} == {"Ada: Shall we?\nSPEAKER_1: Yes."}


async def test_what_may_be_missing_is_named(model: HttpModel, service: Receiver) -> None:
    async def respond(got: Received) -> web.Response:
        if asked(got)[0] in ("Rhyme it.", STANDARD["memories"]):
            return web.Response(status=500)
        return await told(got)

    service.respond = respond
    done = await process(CONVERSATION, APPS, model, LIMITS)
    assert set(done.missing) == {"app:a", "memories"}
    assert set(done.apps) == {"b"}
    assert set(done.standard) == {"title", "overview", "action_items"}


@pytest.mark.parametrize("name", ["title", "overview"])
async def test_what_may_not_be_missing_fails_it_all(model: HttpModel, service: Receiver, name: str) -> None:
    async def respond(got: Received) -> web.Response:
        return web.Response(status=500) if asked(got)[0] == STANDARD[name] else await told(got)

    service.respond = respond
    with pytest.raises(ThirdPartyFailed):
        await process(CONVERSATION, APPS, model, LIMITS)


async def test_no_more_questions_than_so_many_are_asked_at_a_time(
    model: HttpModel, service: Receiver
) -> None:
    parking = Parking(lambda got: says(asked(got)[0]))
    service.respond = parking
    processing = asyncio.create_task(
        process(CONVERSATION, APPS, model, ProcessingLimits(deadline=5, at_a_time=3))
    )
    await parking.until(3)
    parking.gate.set()
    assert len((await processing).apps) == 2
    assert parking.most == 3


async def test_what_is_late_is_missing_and_what_must_be_there_is_a_deadline(
    model: HttpModel, service: Receiver
) -> None:
    parking = Parking(lambda got: says(""))

    async def respond(got: Received) -> web.Response:
        return await (parking(got) if asked(got)[0] in slow else told(got))

    slow = {"Rhyme it."}
    service.respond = respond
    done = await process(CONVERSATION, APPS, model, ProcessingLimits(deadline=0.5))
    assert set(done.missing) == {"app:a"}
    slow = {STANDARD["title"]}
    with pytest.raises(DeadlineExceeded):
        await process(CONVERSATION, APPS, model, ProcessingLimits(deadline=0.5))


async def test_a_caller_that_leaves_takes_all_questions_along(
    model: HttpModel, service: Receiver, lane: HttpLane
) -> None:
    parking = Parking(lambda got: says(""))
    service.respond = parking
    processing = asyncio.create_task(process(CONVERSATION, APPS, model, LIMITS))
    await parking.until(6)
    processing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await processing
    assert lane.statistics().lane.in_flight == 0


async def test_of_a_long_transcript_the_end_is_read(model: HttpModel, service: Receiver) -> None:
    service.respond = told
    await process(CONVERSATION, [], model, ProcessingLimits(deadline=5, characters=4))
    assert {asked(got)[1] for got in service.received} == {"Yes."}
