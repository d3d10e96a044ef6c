"""Answers over a real socket: what the model and its sources do, and what ends when a caller leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.llm_service import Parking, asked, finds, says
from tests.producers.files.served import Served, away, served, until
from tests.producers.test_app import problem
from tests.receiver import Received, Receiver, answering, receiver

ANSWERS = "/v1/users/ada/answers"
CHAT = "/v1/users/ada/chat"
PROCESSED = "/v1/users/ada/processed-conversations"
WORK: dict[str, Any] = {
    "conversation": {
        "id": "c-1",
        "created_at": "2026-05-01T09:00:00+02:00",
        "transcript_segments": [{"text": "Hello.", "start": 0, "end": 1}],
        "structured": {"title": ""},
    },
    "apps": [{"id": "a", "instruction": "Rhyme it."}],
}


@dataclass
class World:
    backend: Served
    model: Receiver
    memories: Receiver


async def echo(got: Received) -> web.Response:
    return says(asked(got)[1])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with receiver(echo) as model, receiver(finds(("m1", "Ada likes tea.", 0.9))) as memories:
        settings = away(tmp_path, llm_url=model.url, retrieval_urls={"memories": memories.url})
        async with served(settings) as backend:
            yield World(backend, model, memories)


async def test_a_question_is_answered_from_its_sources(world: World) -> None:
    answer = await world.backend.client.post(ANSWERS, json={"text": "What does Ada like?"})
    assert answer.status_code == 200
    assert "[1] Ada likes tea." in answer.json()["text"]
    assert (answer.json()["passages"], answer.json()["missing"]) == (["m1"], [])


async def test_a_chat_message_is_answered_from_its_files_too(world: World) -> None:
    client = world.backend.client
    sent = await client.post(f"{CHAT}/files", files={"file": ("notes.txt", b"Ada likes cake.", "text/plain")})
    assert (sent.status_code, sent.json()[0]["label"]) == (201, "notes.txt")
    id = sent.json()[0]["id"]
    world.memories.respond = answering(500)
    answer = (await client.post(f"{CHAT}/messages", json={"text": "What?", "file_ids": [id, id]})).json()
    assert "[1] Ada likes cake." in answer["text"]
    assert (answer["passages"], answer["missing"]) == ([f"file:{id}"], ["memories"])
    problem(await client.post("/v1/users/bob/chat/messages", json={"text": "What?", "file_ids": [id]}), 404)
    problem(await client.post(f"{CHAT}/messages", json={"text": "What?", "file_ids": ["../x"]}), 422)


async def test_a_conversation_is_processed_with_its_apps(world: World) -> None:
    async def respond(got: Received) -> web.Response:
        return web.Response(status=500) if asked(got)[0] == "Rhyme it." else says("done")

    world.model.respond = respond
    answer = (await world.backend.client.post(PROCESSED, json=WORK)).json()
    assert answer["id"] == "c-1"
    assert set(answer["standard"]) == {"title", "overview", "action_items", "memories"}
    assert (answer["apps"], set(answer["missing"])) == ({}, {"app:a"})


@pytest.mark.parametrize(("status", "told"), [(500, 502), (429, 503), (401, 502)])
@pytest.mark.parametrize(("path", "body"), [(ANSWERS, {"text": "?"}), (PROCESSED, WORK)])
async def test_a_model_that_fails_is_told_as_a_problem(
    world: World, status: int, told: int, path: str, body: object
) -> None:
    world.model.respond = answering(status, {"retry-after": "9"}, b"a secret")
    answer = await world.backend.client.post(path, json=body)
    assert "secret" not in json.dumps(problem(answer, told))
    if told == 503:
        assert answer.headers["retry-after"] == "9"


@pytest.mark.parametrize("respond", [answering(500), answering(200, body=b"?")])
async def test_without_any_source_there_is_no_answer(world: World, respond: Any) -> None:
    world.memories.respond = respond
    problem(await world.backend.client.post(ANSWERS, json={"text": "?"}), 502)
    assert not world.model.received


@pytest.mark.parametrize(("path", "body"), [(ANSWERS, {"text": "?"}), (PROCESSED, WORK)])
async def test_a_caller_that_leaves_ends_what_was_asked_for_it(
    world: World, path: str, body: dict[str, Any]
) -> None:
    parking = Parking(lambda _: says("late"))
    world.model.respond = parking
    lane = world.backend.app.state.lanes.http.llm
    content = json.dumps(body).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", world.backend.port)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(content) + content)
    await parking.until(1)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    await until(lambda: lane.statistics().lane.in_flight == 0)


async def test_others_are_served_while_the_model_is_held(world: World) -> None:
    """Fails if a question holds the event loop, or a thread that others need."""
    parking = Parking(lambda got: says(asked(got)[1]))
    world.model.respond = parking
    async with asyncio.TaskGroup() as tasks:
        asking = [
            tasks.create_task(world.backend.client.post(ANSWERS, json={"text": "?"})) for _ in range(20)
        ]
        await parking.until(20)
        assert (await world.backend.client.get("/healthz")).status_code == 200
        sent = await world.backend.client.post(f"{CHAT}/files", content=b"text")
        assert sent.status_code == 201
        parking.gate.set()
    assert [question.result().status_code for question in asking] == [200] * 20


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (ANSWERS, {"text": ""}, "body.text"),
        (ANSWERS, {"text": "x" * 8_001}, "body.text"),
        (ANSWERS, {"text": "?", "uid": "bob"}, "body.uid"),
        (PROCESSED, {**WORK, "apps": [{"id": "a", "instruction": "x"}] * 21}, "body.apps"),
        (f"{CHAT}/messages", {"text": "?", "file_ids": ["0" * 32] * 9}, "body.file_ids"),
    ],
)
async def test_a_bad_question_is_told_its_field(world: World, path: str, body: object, field: str) -> None:
    document = problem(await world.backend.client.post(path, json=body), 422)
    assert document["errors"][0]["field"] == field


async def test_the_key_goes_to_the_model_and_to_no_source(tmp_path: Path) -> None:
    async with receiver(echo) as model, receiver(finds()) as source:
        settings = away(tmp_path, llm_url=model.url, llm_key="k-1", retrieval_urls={"s": source.url})
        assert "k-1" not in repr(settings)
        async with served(settings) as backend:
            assert (await backend.client.post(ANSWERS, json={"text": "?"})).status_code == 200
        assert model.received[0].headers["authorization"] == "Bearer k-1"
        assert "authorization" not in source.received[0].headers


async def test_the_openapi_document_tells_each_answer(world: World) -> None:
    paths = (await world.backend.client.get("/openapi.json")).json()["paths"]
    for path in ("answers", "processed-conversations", "chat/messages"):
        responses = paths[f"/v1/users/{{uid}}/{path}"]["post"]["responses"]
        assert set(responses) >= {"200", "401", "403", "413", "422", "429", "500", "502", "503", "504"}
