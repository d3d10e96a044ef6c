"""A model over HTTP: its interface, and each way in which it may fail."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from aiohttp import web

from lanes import LLM, HttpLane
from producers import ThirdPartyBusy, ThirdPartyFailed, ThirdPartySlow
from producers.models import HttpModel, Prompt
from tests.llm_service import Parking, asked, says
from tests.receiver import Received, Receiver, answering

PROMPT = Prompt(instruction="Be brief.", text="Who?", max_tokens=7)


async def test_a_question_is_a_chat_completion(model: HttpModel, service: Receiver) -> None:
    async def respond(_: Received) -> web.Response:
        return says("Ada.")

    service.respond = respond
    assert await model.complete(PROMPT) == "Ada."
    (got,) = service.received
    assert (got.method, got.path) == ("POST", "/v1/chat/completions")
    assert got.headers["authorization"] == "Bearer k-1"
    assert asked(got) == ("Be brief.", "Who?")
    assert {key: json.loads(got.body)[key] for key in ("model", "max_tokens")} == {
        "model": "small",
        "max_tokens": 7,
    }


@pytest.mark.parametrize(("status", "header", "wait"), [(429, "7", 7.0), (503, "x", 5.0), (429, None, 5.0)])
async def test_a_busy_model_says_for_how_long(
    model: HttpModel, service: Receiver, status: int, header: str | None, wait: float
) -> None:
    service.respond = answering(status, {"retry-after": header} if header else None)
    with pytest.raises(ThirdPartyBusy) as caught:
        await model.complete(PROMPT)
    assert caught.value.wait == wait


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (401, b'{"error":"the key k-1"}'),
        (302, b""),
        (200, b"{"),
        (200, b"[]"),
        (200, b'{"choices":[]}'),
        (200, b'{"choices":[{"message":{"content":""}}]}'),
        (200, b'{"choices":[{"message":{"content":null}}]}'),
        (200, b"x" * 1_100_000),
    ],
)
async def test_an_answer_that_is_none_is_the_models_fault(
    model: HttpModel, service: Receiver, status: int, body: bytes
) -> None:
    service.respond = answering(status, body=body)
    with pytest.raises(ThirdPartyFailed) as caught:
        await model.complete(PROMPT)
    assert type(caught.value) is ThirdPartyFailed
    assert "k-1" not in str(caught.value)


async def test_a_model_that_hangs_is_left_in_time(service: Receiver) -> None:
    service.respond = Parking(lambda _: says("late"))
    async with HttpLane(LLM.model_copy(update={"deadline": 0.1})) as lane:
        with pytest.raises(ThirdPartySlow):
            await HttpModel(lane, base_url=service.url, model="m").complete(PROMPT)


async def test_a_connection_that_breaks_is_the_models_fault(lane: HttpLane) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with await asyncio.start_server(reset, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ThirdPartyFailed):
            await HttpModel(lane, base_url=f"http://127.0.0.1:{port}", model="m").complete(PROMPT)


async def test_a_model_that_keeps_failing_is_left_alone(model: HttpModel, service: Receiver) -> None:
    service.respond = answering(500)
    for _ in range(5):
        with pytest.raises(ThirdPartyFailed):
            await model.complete(PROMPT)
    with pytest.raises(ThirdPartyBusy) as caught:
        await model.complete(PROMPT)
    assert caught.value.wait == pytest.approx(30, abs=2)
    assert len(service.received) == 5
