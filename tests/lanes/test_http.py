"""An HTTP lane against real sockets, friendly and hostile ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from lanes import (
    LOCAL,
    WEBHOOKS,
    BadUrl,
    ConnectFailed,
    DeadlineExceeded,
    ExchangeFailed,
    HttpLane,
    LaneClosed,
    Request,
)
from tests.receiver import answering, receiver

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def lane() -> AsyncIterator[HttpLane]:
    async with HttpLane(WEBHOOKS, egress=LOCAL) as opened:
        yield opened


@asynccontextmanager
async def raw_server(serve: Serve) -> AsyncIterator[str]:
    """A server that speaks bytes, for answers that no HTTP library would give."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has left, as these tests want it to
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_it_sends_what_it_is_told_and_merges_the_query(lane: HttpLane) -> None:
    async with receiver(answering(201, {"x-answer": "yes"}, b"taken")) as target:
        answer = await lane.send(
            Request(
                method="POST",
                url=f"{target.url}/hook?a=1",
                deadline=5,
                params={"uid": "ü"},
                headers={"x-h": "v"},
                content=b"body",
            )
        )
    got = target.received[0]
    assert (answer.status, answer.body, answer.truncated) == (201, b"taken", False)
    assert answer.headers["x-answer"] == "yes"
    assert (got.method, got.path, dict(got.query), got.body) == (
        "POST",
        "/hook",
        {"a": "1", "uid": "ü"},
        b"body",
    )
    assert got.headers["x-h"] == "v"
    assert got.headers["accept-encoding"] == "identity"


async def test_redirects_are_answers(lane: HttpLane) -> None:
    async with receiver(answering(302, {"location": "/elsewhere"})) as target:
        assert (await lane.send(Request(method="POST", url=target.url, deadline=5))).status == 302
    assert len(target.received) == 1


async def test_a_long_body_is_cut_off(lane: HttpLane) -> None:
    async with receiver(answering(200, body=b"x" * 1_000_000)) as target:
        answer = await lane.send(Request(method="GET", url=target.url, deadline=5))
    assert (len(answer.body), answer.truncated) == (WEBHOOKS.max_body_bytes, True)


async def test_an_endless_body_is_cut_off(lane: HttpLane) -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with raw_server(endless) as url:
        assert (await lane.send(Request(method="GET", url=url, deadline=5))).truncated


async def test_the_deadline_is_total_even_when_bytes_keep_dripping() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0)

    patient = WEBHOOKS.model_copy(update={"max_body_bytes": 10**9})
    async with HttpLane(patient, egress=LOCAL) as lane, raw_server(drip) as url:
        began = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceeded, match=r"0\.2 s"):
            await lane.send(Request(method="GET", url=url, deadline=0.2))
        assert asyncio.get_running_loop().time() - began < 2


async def test_nobody_there_is_a_failed_connection(lane: HttpLane) -> None:
    async with raw_server(_close) as url:
        gone = url
    with pytest.raises(ConnectFailed):
        await lane.send(Request(method="GET", url=gone, deadline=5))


async def _close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SMTP ready\r\n\r\n")


async def _half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")


@pytest.mark.parametrize("serve", [_close, _nonsense, _half])
async def test_a_broken_exchange_is_one_error_of_ours(lane: HttpLane, serve: Serve) -> None:
    async with raw_server(serve) as url:
        with pytest.raises((ExchangeFailed, ConnectFailed)):
            await lane.send(Request(method="GET", url=url, deadline=5))


@pytest.mark.parametrize("url", ["/relative", "ftp://host/x", "http://", "http://[::1", "http://host:port/"])
async def test_a_url_that_is_none(lane: HttpLane, url: str) -> None:
    with pytest.raises(BadUrl):
        await lane.send(Request(method="GET", url=url, deadline=5))


async def test_a_request_waits_for_a_connection_within_its_deadline() -> None:
    release = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")

    settings = WEBHOOKS.model_copy(update={"max_connections": 1})
    async with HttpLane(settings, egress=LOCAL) as lane, raw_server(hold) as url:
        first = asyncio.ensure_future(lane.send(Request(method="GET", url=url, deadline=5)))
        with pytest.raises(DeadlineExceeded):
            await lane.send(Request(method="GET", url=url, deadline=0.1))
        assert lane.statistics().lane.in_flight == 1
        release.set()
        assert (await first).status == 204
    assert lane.statistics().lane.in_flight == 0


async def test_it_is_loud_when_closed_and_on_another_loop() -> None:
    lane = HttpLane(WEBHOOKS)
    with pytest.raises(LaneClosed, match="lifespan"):
        await lane.send(Request(method="GET", url="http://127.0.0.1/", deadline=1))
    await lane.open()
    raised: list[BaseException] = []

    def elsewhere() -> None:
        try:
            asyncio.run(_send(lane))
        except LaneClosed as error:
            raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.get_running_loop().run_in_executor(None, thread.join)
    await lane.aclose()
    assert len(raised) == 1


async def _send(lane: HttpLane) -> None:
    await lane.send(Request(method="GET", url="http://127.0.0.1/", deadline=1))
