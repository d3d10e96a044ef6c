"""Every request has an id: its caller's where it is sane, in the answer, in problems and in logs."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, WebSocket

from lanes import Logs
from producers.problems import answer_problems
from producers.request_id import RequestId

MADE = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.add_middleware(RequestId)
    answer_problems(app)

    @app.get("/log")
    async def log() -> None:
        async def later() -> None:
            logging.getLogger("app").warning("in a task")

        logging.getLogger("app").warning("in the route")
        await asyncio.create_task(later())

    @app.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://backend") as opened:
        yield opened


async def test_a_sane_id_is_the_callers_and_comes_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/log", headers={"X-Request-Id": "phone-7:42"})
    assert answer.headers.get_list("x-request-id") == ["phone-7:42"]


@pytest.mark.parametrize("told", ["", "a b", "x" * 65, "é", '"', "-rf", None])
async def test_otherwise_one_is_made(client: httpx.AsyncClient, told: str | None) -> None:
    headers = [] if told is None else [(b"x-request-id", told.encode("latin-1"))]
    first = await client.get("/log", headers=headers)
    second = await client.get("/log", headers=headers)
    made = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(made) == 2
    assert all(map(MADE.fullmatch, made))


async def test_two_ids_are_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/log", headers=[("x-request-id", "a"), ("x-request-id", "b")])
    assert MADE.fullmatch(answer.headers["x-request-id"])


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/bug", 500)])
async def test_a_problem_names_it(client: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path, headers={"X-Request-Id": "r1"})
    assert (answer.status_code, answer.json()["request_id"]) == (status, "r1")
    assert answer.headers.get_list("x-request-id") == ["r1"]


async def test_logs_of_a_request_name_it_and_others_do_not(client: httpx.AsyncClient) -> None:
    written = io.StringIO()
    logs = Logs(stream=written)
    logs.open()
    try:
        await asyncio.gather(*(client.get("/log", headers={"X-Request-Id": name}) for name in ("r1", "r2")))
        logging.getLogger("app").warning("outside")
    finally:
        await asyncio.to_thread(logs.close)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    told = [(line["message"], line.get("request_id")) for line in lines if line["logger"] == "app"]
    assert sorted(told, key=str) == [
        ("in a task", "r1"),
        ("in a task", "r2"),
        ("in the route", "r1"),
        ("in the route", "r2"),
        ("outside", None),
    ]


async def test_a_websocket_learns_it_when_it_is_accepted() -> None:
    app = FastAPI()
    app.add_middleware(RequestId)

    @app.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(socket.state.request_id)
        await socket.close()

    sent = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/ws", "headers": [(b"x-request-id", b"w1")], "query_string": b""}
    await app(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0] == {"type": "websocket.accept", "subprotocol": None, "headers": [(b"x-request-id", b"w1")]}
    assert sent[1]["text"] == "w1"
