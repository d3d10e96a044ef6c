"""What a hostile target costs in memory: no more than its buffers, however much it sends."""

from __future__ import annotations

import tracemalloc

import pytest

from lanes import LOCAL, WEBHOOKS, Answer, HttpLane, LaneError
from tests.lanes.hostile import Serve, target
from tests.lanes.hostile_answers import BOMB, CASES, OK, repeats
from tests.lanes.test_hostile_answers import ended

PATIENT = WEBHOOKS.model_copy(update={"max_body_bytes": 1_000_000})
FLOODS: dict[str, Serve] = {
    **{
        name: CASES[name].serve
        for name in (
            "endless body",
            "endless headers",
            "endless header",
            "endless status line",
            "endless 1xx",
            "chunk of 4 EiB",
            "endless trailers",
            "endless chunk extension",
            "gzip bomb, deflated twice",
        )
    },
    "endless tiny chunks": repeats(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10_000),
    "endless switched protocol": repeats(
        b"HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", b"\x81\x00" * 30_000
    ),
    "a bomb again and again": repeats(OK + b"content-encoding: gzip\r\n\r\n", BOMB * 10),
}


@pytest.mark.parametrize("serve", FLOODS.values(), ids=FLOODS)
async def test_a_flood_costs_its_buffers(serve: Serve) -> None:
    """The body's cap of 1 MB twice over, and what both ends of the socket hold."""
    async with target(serve) as hostile, HttpLane(PATIENT, egress=LOCAL) as lane:
        tracemalloc.start()
        try:
            end = await ended(lane, hostile.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert isinstance(end, LaneError) or end.truncated
    assert isinstance(end, LaneError | Answer)
    assert peak < 6_000_000
