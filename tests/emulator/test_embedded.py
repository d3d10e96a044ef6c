"""Dispatches to an ASGI app without a socket, alone and through the whole emulator."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from google.cloud.tasks_v2 import OidcToken, RetryConfig
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from emulator import EmbeddedSender, Failure, FailureReason, HttpRequest, Response
from tests.emulator.running import QUEUE, Running, queue, task, tasks_client

REQUEST = HttpRequest(
    method="POST", url="https://target.example:8443/a%20b?q=1&q=2", headers={"X-Mine": "ä"}, body=b"payload"
)


async def test_the_app_sees_an_ordinary_request() -> None:
    seen: dict[str, Any] = {}

    async def endpoint(request: Request) -> PlainTextResponse:
        seen["scheme"] = request.url.scheme
        seen["raw_path"] = request.scope["raw_path"]
        seen["query"] = request.query_params.getlist("q")
        seen["header"] = request.headers["x-mine"].encode("latin-1").decode()  # as a server reads the wire
        seen["host"] = request.headers["host"]
        seen["path"] = request.path_params["path"]
        seen["body"] = await request.body()
        return PlainTextResponse("made", status_code=201)

    app = Starlette(routes=[Route("/{path}", endpoint, methods=["POST"])])
    assert await EmbeddedSender(app).send(REQUEST, 10) == Response(201)
    assert seen == {
        "scheme": "https",
        "raw_path": b"/a%20b",
        "query": ["1", "2"],
        "header": "ä",
        "host": "target.example:8443",
        "path": "a b",
        "body": b"payload",
    }
    assert await EmbeddedSender(Starlette()).send(REQUEST, 10) == Response(404)


async def test_an_app_that_raises_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("a bug of the app")

    with caplog.at_level(logging.ERROR):
        assert await EmbeddedSender(broken).send(REQUEST, 10) == Response(500)
    assert "a bug of the app" in caplog.text


async def test_an_app_that_does_not_answer_in_time_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    end = await EmbeddedSender(slow).send(REQUEST, 0.01)
    assert isinstance(end, Failure)
    assert end.reason is FailureReason.TIMEOUT
    assert cancelled.is_set()


async def test_tasks_go_from_the_client_to_the_app_in_one_process(running: Running) -> None:
    arrived: asyncio.Queue[tuple[str, str, bytes]] = asyncio.Queue()
    answers = [503]

    async def endpoint(request: Request) -> PlainTextResponse:
        retry_count = request.headers["x-cloudtasks-taskretrycount"]
        await arrived.put((retry_count, request.headers["authorization"][:7], await request.body()))
        return PlainTextResponse("", status_code=answers.pop() if answers else 200)

    app = Starlette(routes=[Route("/tasks/webhook", endpoint, methods=["POST"])])
    soon = queue(retry_config=RetryConfig(min_backoff={"nanos": 1_000_000}))
    async with (
        running(queues=[soon], sender=EmbeddedSender(app)) as emulator,
        tasks_client(emulator.addresses.tasks) as client,
    ):
        token = OidcToken(service_account_email="tasks@sidelane-local.iam.gserviceaccount.com")
        await client.create_task(parent=QUEUE, task=task(body=b"payload", oidc_token=token))
        async with asyncio.timeout(20):
            assert await arrived.get() == ("0", "Bearer ", b"payload")
            assert await arrived.get() == ("1", "Bearer ", b"payload")
