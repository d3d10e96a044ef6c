"""Answers from several sources at once: partial where declared, bounded, and gone with their caller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from aiohttp import web

from lanes import DeadlineExceeded, HttpLane
from producers import ThirdPartyFailed
from producers.answers import AnswerLimits, answer, worded
from producers.models import HttpModel
from producers.sources import HttpSource, Passage
from tests.llm_service import Parking, asked, finds, says
from tests.receiver import Received, Receiver, answering, receiver

LIMITS = AnswerLimits(deadline=5, search_deadline=5)


@dataclass
class Searched:
    """Three sources, each a server of its own."""

    servers: list[Receiver]
    sources: list[HttpSource]


@pytest.fixture
async def searched(lane: HttpLane) -> AsyncIterator[Searched]:
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(receiver(finds((f"p{n}", f"text {n}", n / 10)))) for n in range(3)
        ]
        yield Searched(servers, [HttpSource(f"s{n}", lane, server.url) for n, server in enumerate(servers)])


async def echo(got: Received) -> web.Response:
    return says(asked(got)[1])


async def test_all_sources_are_asked_at_once_and_the_model_gets_the_best(
    searched: Searched, model: HttpModel, service: Receiver
) -> None:
    service.respond = echo
    parking = [Parking(lambda _: web.json_response({"passages": []})) for _ in searched.servers]
    for server, parked in zip(searched.servers[:2], parking, strict=False):
        server.respond = parked
    answering = asyncio.create_task(answer("Who?", "ada", searched.sources, model, LIMITS))
    for parked in parking[:2]:
        await parked.until(1)
    assert not service.received
    for parked in parking:
        parked.gate.set()
    found = await answering
    assert found.passages == (Passage(id="p2", text="text 2", score=0.2),)
    assert found.text == worded("Who?", found.passages)
    assert found.missing == ()
    assert json.loads(searched.servers[0].received[0].body) == {"uid": "ada", "query": "Who?", "limit": 8}


async def test_passages_come_best_first_and_no_more_and_no_longer_than_may_be(
    searched: Searched, model: HttpModel, service: Receiver
) -> None:
    service.respond = echo
    limits = AnswerLimits(passages=2, passage_characters=4)
    found = await answer("Who?", "ada", searched.sources, model, limits)
    assert [(passage.id, passage.text) for passage in found.passages] == [("p2", "text"), ("p1", "text")]


@pytest.mark.parametrize(
    "fault",
    [
        answering(500),
        answering(200, body=b"?"),
        answering(200, body=b'{"passages":[{"id":"a","text":"t","score":7}]}'),
    ],
)
async def test_a_source_that_fails_is_named_and_done_without(
    searched: Searched, model: HttpModel, service: Receiver, fault: object
) -> None:
    service.respond = echo
    searched.servers[1].respond = fault  # type: ignore[assignment]
    found = await answer("Who?", "ada", searched.sources, model, LIMITS)
    assert found.missing == ("s1",)
    assert [passage.id for passage in found.passages] == ["p2", "p0"]


async def test_a_source_that_hangs_is_done_without(
    searched: Searched, model: HttpModel, service: Receiver
) -> None:
    service.respond = echo
    searched.servers[0].respond = Parking(lambda _: says(""))
    found = await answer(
        "Who?", "ada", searched.sources, model, AnswerLimits(deadline=5, search_deadline=0.3)
    )
    assert found.missing == ("s0",)


async def test_without_any_source_left_the_model_is_not_asked(
    searched: Searched, model: HttpModel, service: Receiver
) -> None:
    for server in searched.servers:
        server.respond = answering(503)
    with pytest.raises(ThirdPartyFailed, match="none of 3 sources"):
        await answer("Who?", "ada", searched.sources, model, LIMITS)
    assert not service.received


async def test_all_of_it_has_one_deadline(searched: Searched, model: HttpModel, service: Receiver) -> None:
    service.respond = Parking(lambda _: says("late"))
    with pytest.raises(DeadlineExceeded, match=r"0\.5 s"):
        await answer("Who?", "ada", searched.sources, model, AnswerLimits(deadline=0.5))


async def test_a_caller_that_leaves_takes_all_searches_along(
    searched: Searched, model: HttpModel, lane: HttpLane
) -> None:
    parking = [Parking(lambda _: says("")) for _ in searched.servers]
    for server, parked in zip(searched.servers, parking, strict=True):
        server.respond = parked
    answering = asyncio.create_task(answer("Who?", "ada", searched.sources, model, LIMITS))
    for parked in parking:
        await parked.until(1)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert lane.statistics().lane.in_flight == 0


async def test_no_more_sources_than_so_many_are_searched_at_a_time(
    searched: Searched, model: HttpModel, service: Receiver
) -> None:
    service.respond = echo
    parking = Parking(lambda _: web.json_response({"passages": []}))
    for server in searched.servers:
        server.respond = parking
    answering = asyncio.create_task(
        answer("Who?", "ada", searched.sources, model, AnswerLimits(sources_at_a_time=2))
    )
    await parking.until(2)
    parking.gate.set()
    await answering
    assert parking.most == 2
