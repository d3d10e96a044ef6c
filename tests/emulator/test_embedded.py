"""Dispatches to an ASGI app without a socket, alone and through the whole emulator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from google.cloud.tasks_v2 import OidcToken, RetryConfig
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
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


async def test_an_app_that_does_not_answer_in_time_is_told_and_cancelled() -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            await receive()  # returns no sooner than the sender is gone
        finally:
            await seen.put((await receive())["type"])

    end = await EmbeddedSender(slow).send(REQUEST, 0.01)
    assert isinstance(end, Failure)
    assert end.reason is FailureReason.TIMEOUT
    async with asyncio.timeout(20):
        assert await seen.get() == "http.disconnect"


async def test_a_dispatch_does_not_wait_for_an_app_that_ignores_its_cancellation() -> None:
    released = asyncio.Event()

    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()

    sender = EmbeddedSender(stubborn, max_calls=1)
    assert isinstance(await sender.send(REQUEST, 0.01), Failure)
    assert sender.statistics().calls == 1
    assert await sender.send(REQUEST, 10) == Response(503)  # no room for another call
    released.set()
    await sender.aclose()
    assert sender.statistics().calls == 0


async def test_a_streamed_answer_ends_with_its_last_chunk() -> None:
    chunks: list[str] = []

    async def streaming(_: Request) -> StreamingResponse:
        async def body() -> AsyncIterator[str]:
            for chunk in "abc":
                await asyncio.sleep(0)
                chunks.append(chunk)
                yield chunk

        return StreamingResponse(body(), status_code=202)

    app = Starlette(routes=[Route("/{path}", streaming, methods=["POST"])])
    assert await EmbeddedSender(app).send(REQUEST, 10) == Response(202)
    assert chunks == ["a", "b", "c"]


async def test_background_work_goes_on_after_the_answer() -> None:
    released, done = asyncio.Event(), asyncio.Event()

    async def later() -> None:
        await released.wait()
        done.set()

    async def endpoint(_: Request) -> PlainTextResponse:
        return PlainTextResponse("", background=BackgroundTask(later))

    app = Starlette(routes=[Route("/{path}", endpoint, methods=["POST"])])
    assert await EmbeddedSender(app).send(REQUEST, 10) == Response(200)
    assert not done.is_set()
    released.set()
    async with asyncio.timeout(20):
        await done.wait()


@pytest.mark.parametrize("raises", [False, True])
async def test_an_answer_that_is_broken_off_is_none(raises: bool) -> None:
    async def breaking_off(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        if raises:
            raise RuntimeError("a bug of the app")

    end = await EmbeddedSender(breaking_off).send(REQUEST, 10)
    assert isinstance(end, Failure)
    assert end.reason is FailureReason.UNREACHABLE
    assert "broke off its answer" in end.detail


async def test_an_app_that_returns_without_an_answer_is_a_500() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    assert await EmbeddedSender(silent).send(REQUEST, 10) == Response(500)


async def test_an_app_that_is_cancelled_is_a_500_at_once() -> None:
    entered = asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        entered.set()
        await asyncio.Event().wait()

    sender = EmbeddedSender(waiting)
    sending = asyncio.create_task(sender.send(REQUEST, 10))
    await entered.wait()
    await sender.aclose()
    assert await sending == Response(500)


async def test_a_dispatch_that_is_cut_off_cancels_the_app() -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    sending = asyncio.create_task(EmbeddedSender(waiting).send(REQUEST, 10))
    await entered.wait()
    sending.cancel()
    async with asyncio.timeout(20):
        await cancelled.wait()


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


async def test_a_redirect_is_followed_where_the_request_says_so_and_retry_after_is_read() -> None:
    async def moved(request: Request) -> RedirectResponse:
        return RedirectResponse("/busy")  # 307

    async def busy(request: Request) -> PlainTextResponse:
        assert await request.body() == b"payload"
        return PlainTextResponse("", status_code=503, headers={"Retry-After": "30"})

    routes = [Route("/moved", moved, methods=["POST"]), Route("/busy", busy, methods=["POST"])]
    sender = EmbeddedSender(Starlette(routes=routes))
    request = replace(REQUEST, url="https://target.example/moved")
    assert await sender.send(request, 10) == Response(307)
    followed = await sender.send(replace(request, follow_redirects=True), 10)
    assert followed == Response(503, retry_after=30)
