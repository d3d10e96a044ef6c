"""An answer read piece by piece: its cap, its deadline, and what each way out says of the target."""

from __future__ import annotations

import asyncio

import pytest

from lanes import (
    LOCAL,
    WEBHOOKS,
    AnswerTooLarge,
    ConnectFailed,
    DeadlineExceeded,
    ExchangeFailed,
    HttpLane,
    Request,
)
from tests.lanes.hostile import target
from tests.lanes.hostile_answers import OK, repeats, says, says_and_leaves
from tests.receiver import answering, receiver

SETTINGS = WEBHOOKS.model_copy(update={"breaker_failures": 1, "max_body_bytes": 100_000})


def get(url: str, deadline: float = 5.0) -> Request:
    return Request(method="GET", url=url, deadline=deadline)


async def read(lane: HttpLane, request: Request, got: bytearray) -> None:
    async with lane.stream(request) as answer:
        async for chunk in answer.chunks():
            got += chunk


def is_charged(lane: HttpLane) -> bool:
    now = lane.statistics()
    assert now.breakers is not None
    assert now.lane.in_flight == 0
    return now.breakers.open == 1


async def test_pieces_come_as_they_are_sent() -> None:
    first, release = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(OK, b"content-length: 4\r\n\r\n", b"ab")(reader, writer)
        await release.wait()
        writer.write(b"cd")

    async with target(serve) as slow, HttpLane(SETTINGS, egress=LOCAL) as lane:
        got = bytearray()
        async with lane.stream(get(slow.url)) as answer:
            assert (answer.status, answer.headers["content-length"]) == (200, "4")
            async for chunk in answer.chunks():
                got += chunk
                if bytes(got) == b"ab":
                    first.set()
                    release.set()
        assert first.is_set()
        assert bytes(got) == b"abcd"
        assert not is_charged(lane)


async def test_an_early_way_out_costs_the_connection_and_charges_nobody() -> None:
    async with (
        target(repeats(OK + b"\r\n", b"x" * 65_536)) as endless,
        HttpLane(SETTINGS, egress=LOCAL) as lane,
    ):
        async with lane.stream(get(endless.url)) as answer:
            async for _ in answer.chunks():
                break
        assert not is_charged(lane)
        await endless.left()
        async with lane.stream(get(endless.url)):
            pass
        await endless.left()
        assert endless.connections == 2


async def test_what_fits_comes_before_the_refusal() -> None:
    got = bytearray()
    async with (
        target(repeats(OK + b"\r\n", b"x" * 65_536)) as endless,
        HttpLane(SETTINGS, egress=LOCAL) as lane,
    ):
        with pytest.raises(AnswerTooLarge, match="status 200 is longer than the lane's 100000 bytes"):
            await read(lane, get(endless.url), got)
        assert len(got) == SETTINGS.max_body_bytes
        assert not is_charged(lane)


async def test_a_body_of_exactly_the_cap_fits() -> None:
    body = b"x" * SETTINGS.max_body_bytes
    strict = SETTINGS.model_copy(update={"cuts_body": False})
    async with receiver(answering(200, body=body)) as exact, HttpLane(strict, egress=LOCAL) as lane:
        assert (await lane.send(get(exact.url))).body == body
        exact.respond = answering(200, body=body + b"x")
        with pytest.raises(AnswerTooLarge):
            await lane.send(get(exact.url))


async def test_the_deadline_covers_the_block_and_is_the_targets_fault() -> None:
    async with (
        target(repeats(OK + b"\r\n", b"x", pace=0.01)) as drip,
        HttpLane(SETTINGS, egress=LOCAL) as lane,
    ):
        with pytest.raises(DeadlineExceeded):
            await read(lane, get(drip.url, deadline=0.2), bytearray())
        assert is_charged(lane)
        await drip.left()


async def test_a_connection_that_breaks_in_the_body_is_the_targets_fault() -> None:
    serve = says_and_leaves(OK, b"content-length: 9\r\n\r\nhalf")
    async with target(serve) as broken, HttpLane(SETTINGS, egress=LOCAL) as lane:
        with pytest.raises(ExchangeFailed):
            await read(lane, get(broken.url), bytearray())
        assert is_charged(lane)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("ours"),
        ConnectionResetError("of another"),
        ConnectFailed("of another lane"),
        TimeoutError(),
    ],
)
async def test_what_the_block_raises_is_not_the_targets_fault(error: Exception) -> None:
    async with receiver() as good, HttpLane(SETTINGS, egress=LOCAL) as lane:
        with pytest.raises(type(error)) as caught:
            async with lane.stream(get(good.url)):
                raise error
        assert caught.value is error
        assert not is_charged(lane)


async def test_a_caller_that_leaves_says_nothing_of_the_target() -> None:
    reading = asyncio.Event()

    async def read_some() -> None:
        async with lane.stream(get(slow.url)) as answer:
            async for _ in answer.chunks():
                reading.set()

    serve = says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    async with target(serve) as slow, HttpLane(SETTINGS, egress=LOCAL) as lane:
        call = asyncio.ensure_future(read_some())
        await reading.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not is_charged(lane)
        await slow.left()
