"""A lane against targets that mean harm: each costs bounded time, ends in one error of ours, and no more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
import uvloop

from lanes import (
    LOCAL,
    WEBHOOKS,
    Answer,
    ConnectFailed,
    DeadlineExceeded,
    ExchangeFailed,
    HttpLane,
    LaneError,
    Request,
    TransportSettings,
    open_transport,
)
from tests.lanes.hostile import Serve, head, name_server, target
from tests.lanes.hostile_answers import BOMB, CASES, OK, PACE, Case, says, says_and_leaves
from tests.lanes.names import lane_asking
from tests.receiver import receiver

DEADLINE = 0.4
SETTINGS = WEBHOOKS.model_copy(update={"breaker_failures": 1})


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
"""They differ in how they tell of a connection's end."""


async def ended(lane: HttpLane, url: str, content: bytes = b"body") -> Answer | LaneError:
    """What came of a POST; anything else than an answer or an error of ours fails the test."""
    try:
        return await lane.send(Request(method="POST", url=url, content=content, deadline=DEADLINE))
    except LaneError as error:
        return error


async def is_usable(lane: HttpLane) -> bool:
    async with receiver() as friendly:
        return (await lane.send(Request(method="GET", url=friendly.url, deadline=5))).status == 200


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_hostile_answer_ends_in_time_in_one_way_and_leaves_nothing(
    case: Case, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(_met(case))


async def _met(case: Case) -> None:
    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks()
    async with target(case.serve) as hostile:
        async with HttpLane(SETTINGS, egress=LOCAL) as lane:
            began = loop.time()
            end = await ended(lane, hostile.url)
            assert loop.time() - began < DEADLINE + 5  # a busy machine is late, an unbounded wait never ends
            if isinstance(end, Answer):
                assert (end.status, end.truncated) == (case.ends, case.is_truncated)
                assert len(end.body) <= SETTINGS.max_body_bytes
            else:
                assert type(end) is case.ends, end
            statistics = lane.statistics()
            assert statistics.lane.in_flight == statistics.lane.waiting == 0
            assert statistics.breakers is not None
            assert statistics.breakers.open == int(case.is_failure)
            assert hostile.connections == 1
            assert await is_usable(lane)
        await hostile.left()
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_itself_is_asked_once(status: int) -> None:
    serve = says(b"HTTP/1.1 %d Moved\r\nlocation: /\r\ncontent-length: 0\r\n\r\n" % status)
    async with target(serve) as hostile, HttpLane(SETTINGS, egress=LOCAL) as lane:
        end = await ended(lane, hostile.url)
        assert isinstance(end, Answer)
        assert (end.status, end.headers["location"]) == (status, "/")
        assert hostile.connections == 1


async def test_a_bomb_stays_packed() -> None:
    serve = CASES["gzip bomb"].serve
    roomy = SETTINGS.model_copy(update={"max_body_bytes": 1_000_000})
    async with target(serve) as hostile, HttpLane(roomy, egress=LOCAL) as lane:
        end = await ended(lane, hostile.url)
    assert isinstance(end, Answer)
    assert (end.body, end.headers["content-encoding"]) == (BOMB, "gzip")


async def test_what_trails_an_answer_is_never_taken_for_the_next_one() -> None:
    poison = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"
    serve = says(OK + b"content-length: 2\r\n\r\nok" + poison)
    async with target(serve) as hostile, HttpLane(SETTINGS, egress=LOCAL) as lane:
        for _ in range(3):
            end = await ended(lane, hostile.url)
            assert isinstance(end, ExchangeFailed) or (isinstance(end, Answer) and end.body == b"ok")


async def test_nobody_listens() -> None:
    async with target(says()) as hostile:
        pass
    async with HttpLane(SETTINGS, egress=LOCAL) as lane:
        assert isinstance(await ended(lane, hostile.url), ConnectFailed)
        assert (breakers := lane.statistics().breakers) is not None
        assert breakers.open == 1


async def _never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.get_running_loop().create_future()


async def _answers_unread(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"content-length: 2\r\n\r\nok")
    await writer.drain()
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("serve", "is_expected"),
    [
        (_never_reads, lambda end: isinstance(end, DeadlineExceeded)),
        (_answers_unread, lambda end: isinstance(end, Answer) and end.body == b"ok"),
    ],
)
async def test_a_target_that_reads_nothing_of_a_long_request(
    serve: Serve, is_expected: Callable[[Answer | LaneError], bool]
) -> None:
    async with target(serve) as hostile, HttpLane(SETTINGS, egress=LOCAL) as lane:
        assert is_expected(await ended(lane, hostile.url, content=bytes(30_000_000)))
        assert lane.statistics().lane.in_flight == 0
        assert await is_usable(lane)


async def test_the_socket_of_a_target_that_reads_nothing_is_given_up() -> None:
    def open_impatient(settings: TransportSettings) -> httpx.AsyncBaseTransport:
        return open_transport(replace(settings, unread_timeout=0.2))

    async with (
        target(_never_reads) as hostile,
        HttpLane(SETTINGS, egress=LOCAL, open_transport=open_impatient) as lane,
    ):
        before = await asyncio.to_thread(_open_files)
        await ended(lane, hostile.url, content=bytes(30_000_000))
        async with asyncio.timeout(5):
            # The target's end stays; ours goes when the kernel gives up.
            while await asyncio.to_thread(_open_files) > before + 1:  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(PACE)


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_an_idempotent_request_is_sent_twice_at_most() -> None:
    async with target(says_and_leaves()) as hostile, HttpLane(SETTINGS, egress=LOCAL) as lane:
        with pytest.raises(ExchangeFailed):
            await lane.send(Request(method="GET", url=hostile.url, deadline=DEADLINE))
        assert hostile.connections <= 2


async def test_no_target_sees_a_cookie_again() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append(await head(reader))
            writer.write(OK + b"set-cookie: a=b\r\ncontent-length: 0\r\n\r\n")

    async with (
        target(serve) as hostile,
        name_server(lambda _: ["127.0.0.1"]) as names,  # a cookie jar may keep names' cookies alone
        lane_asking(names, SETTINGS, LOCAL) as lane,
    ):
        for host in ("127.0.0.1", "127.0.0.1", "user.example", "user.example"):
            await lane.send(Request(method="GET", url=f"http://{host}:{hostile.port}/", deadline=5))
    assert len(seen) == 4
    assert not any(b"cookie" in request.lower() for request in seen)
