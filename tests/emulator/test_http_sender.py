"""Dispatches over real sockets: what reaches the target, and every way of not being answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from emulator import Failure, FailureReason, HttpRequest, Response, VirtualClock
from emulator.http_sender import HttpSender
from tests.emulator.receiver import Receiver, receiving

NOW = 1_758_691_000.0


@pytest.fixture
async def sender() -> AsyncIterator[HttpSender]:
    sender = HttpSender(connections=2, clock=VirtualClock(NOW))
    await sender.open()
    yield sender
    await sender.aclose()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def request(url: str, **fields: object) -> HttpRequest:
    return HttpRequest(**{"method": "POST", "headers": {}, "body": b"", **fields, "url": url})  # type: ignore[arg-type]  # the tests' shorthand


async def test_a_request_arrives_as_it_is_and_nothing_is_invented(
    sender: HttpSender, receiver: Receiver
) -> None:
    headers = {"User-Agent": "Google-Cloud-Tasks", "x-lower": "a", "X-Upper": "ä"}
    end = await sender.send(request(f"{receiver.url}/a%2Fb?q=%20x", headers=headers, body=b"\x00payload"), 10)
    assert end == Response(200)
    [received] = receiver.requests
    assert received.method == "POST"
    assert received.target == "/a%2Fb?q=%20x"
    assert received.body == b"\x00payload"
    host = receiver.url.removeprefix("http://")
    assert received.headers == {**headers, "Host": host, "Content-Length": "8"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_every_method(sender: HttpSender, receiver: Receiver, method: str) -> None:
    assert await sender.send(request(receiver.url, method=method), 10) == Response(200)
    assert receiver.requests[0].method == method


async def test_a_redirect_is_an_answer_and_not_followed(sender: HttpSender, receiver: Receiver) -> None:
    receiver.will_answer([302])
    receiver.locations = ["/elsewhere"]
    assert await sender.send(request(receiver.url), 10) == Response(302)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(("status", "method", "body"), [(302, "GET", b""), (307, "POST", b"payload")])
async def test_a_redirect_is_followed_where_the_request_says_so(
    sender: HttpSender, receiver: Receiver, status: int, method: str, body: bytes
) -> None:
    receiver.will_answer([status, 204])
    receiver.locations = ["../else%2Fwhere?b=2#part"]
    headers = {"Content-Type": "text/plain", "Authorization": "Bearer t"}
    url = f"{receiver.url}/deep/path"
    end = await sender.send(request(url, headers=headers, body=b"payload", follow_redirects=True), 10)
    assert end == Response(204)
    _, second = receiver.requests
    assert (second.method, second.target, second.body) == (method, "/else%2Fwhere?b=2", body)
    assert second.headers["Authorization"] == "Bearer t"
    assert ("Content-Type" in second.headers) == bool(body)


async def test_all_hops_have_one_deadline(sender: HttpSender, receiver: Receiver) -> None:
    receiver.will_answer([302] * 5)
    receiver.locations = ["/again"] * 5
    assert await sender.send(request(receiver.url, follow_redirects=True), 10) == Response(200)
    assert len(receiver.requests) == 6
    receiver.will_answer([302] * 6)
    receiver.locations = ["/again"] * 6
    assert await sender.send(request(receiver.url, follow_redirects=True), 10) == Response(302)
    receiver.requests.clear()
    receiver.will_answer([302])
    receiver.locations = ["/hangs"]
    sending = asyncio.create_task(sender.send(request(receiver.url, follow_redirects=True), 0.5))
    await receiver.received(1)
    receiver.is_holding = True
    end = await sending
    assert isinstance(end, Failure)
    assert end.reason is FailureReason.TIMEOUT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("Wed, 24 Sep 2025 05:21:40 GMT", 1_758_691_300.0 - NOW), ("soon", None)],
)
async def test_how_long_the_target_asks_to_wait(
    sender: HttpSender, receiver: Receiver, value: str, seconds: float | None
) -> None:
    receiver.will_answer([503])
    receiver.answer_headers = {"Retry-After": value}
    assert await sender.send(request(receiver.url), 10) == Response(503, retry_after=seconds)


async def test_a_connection_is_used_again_unless_the_answer_is_long(
    sender: HttpSender, receiver: Receiver
) -> None:
    receiver.answer_body = b"x" * 1000
    for _ in range(3):
        assert await sender.send(request(receiver.url), 10) == Response(200)
    assert len(receiver.connections) == 1
    receiver.answer_body = b"x" * 5_000_000
    assert await sender.send(request(receiver.url), 10) == Response(200)
    receiver.answer_body = b""
    assert await sender.send(request(receiver.url), 10) == Response(200)
    assert len(receiver.connections) == 2


async def test_a_target_that_does_not_answer_in_time(sender: HttpSender, receiver: Receiver) -> None:
    receiver.is_holding = True
    end = await sender.send(request(receiver.url), 0.05)
    assert isinstance(end, Failure)
    assert end.reason is FailureReason.TIMEOUT
    assert end.detail == f"{receiver.url} did not answer within 0.05 s"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",  # nobody listens there
        "http://127.0.0.1/%zz",
        "http://",
        "http://host:notaport/",
        "http://[/",
        "https://127.0.0.1:1/",
    ],
)
async def test_a_target_that_cannot_be_reached(sender: HttpSender, url: str) -> None:
    end = await sender.send(request(url), 10)
    assert isinstance(end, Failure)
    assert end.reason is FailureReason.UNREACHABLE


async def test_headers_that_http_does_not_allow_are_a_failure(sender: HttpSender, receiver: Receiver) -> None:
    end = await sender.send(request(receiver.url, headers={"X": "a\r\nInjected: 1"}), 10)
    assert isinstance(end, Failure)
    assert receiver.requests == []
