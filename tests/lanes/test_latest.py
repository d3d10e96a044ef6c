"""Latest-wins: which item of a stream is sent, what becomes of the others, and what a close leaves."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from lanes import LaneClosed, LatestLeft, LatestWins, StreamsFull, Superseded
from tests.lanes.streams import Streams
from tests.lanes.virtual_time import run, settled


@pytest.fixture
def streams() -> Streams:
    return Streams(LatestWins())


async def test_the_newest_waits_and_the_older_waiting_one_is_dropped(streams: Streams) -> None:
    streams.submit(1, 2, 3, 4)
    await settled()
    assert list(streams.sending) == [1], "one send at a time, never interrupted"
    for dropped in (2, 3):
        with pytest.raises(Superseded, match="'s' of target 'a'"):
            await streams.items[dropped]
    await streams.end(1)
    await streams.end(4)
    assert [await streams.items[number] for number in (1, 4)] == ["sent 1", "sent 4"]
    statistics = streams.latest.statistics()
    assert (statistics.sent, statistics.superseded, statistics.sending, statistics.waiting) == (2, 2, 0, 0)


async def test_a_newer_item_of_another_target_or_stream_drops_nothing(streams: Streams) -> None:
    streams.submit(1, 2)
    streams.submit(3, 4, target="b")
    streams.submit(5, 6, stream="t")
    await settled()
    assert sorted(streams.sending) == [1, 3, 5]
    for number in (1, 3, 5, 2, 4, 6):
        await streams.end(number)
    assert streams.latest.statistics().superseded == 0
    assert streams.latest.statistics().sent == 6


async def test_an_error_reaches_its_submitter_and_the_next_is_sent(streams: Streams) -> None:
    streams.submit(1, 2)
    await settled()
    await streams.end(1, ConnectionError("reset"))
    with pytest.raises(ConnectionError, match="reset"):
        await streams.items[1]
    await streams.end(2)
    statistics = streams.latest.statistics()
    assert (statistics.failed, statistics.sent) == (1, 1)


async def test_a_send_that_cannot_even_begin_fails_alone(streams: Streams) -> None:
    def broken() -> asyncio.Future[None]:
        raise ZeroDivisionError

    item = streams.latest.submit("a", "s", broken)
    streams.submit(2)
    with pytest.raises(ZeroDivisionError):
        await item
    await settled()
    assert list(streams.sending) == [2]
    await streams.end(2)


async def test_a_submitter_takes_its_item_back(streams: Streams) -> None:
    streams.submit(1, 2)
    await settled()
    streams.items[2].cancel()
    await settled()
    assert streams.latest.statistics().waiting == 0
    streams.submit(3)
    streams.items[1].cancel()
    await settled()
    assert list(streams.sending) == [3]
    await streams.end(3)
    statistics = streams.latest.statistics()
    assert (statistics.cancelled, statistics.superseded, statistics.sent) == (2, 0, 1)


async def test_a_cancelled_submitter_cancels_its_send(streams: Streams) -> None:
    async def submit_and_wait() -> None:
        streams.submit(1)
        await streams.items[1]

    submitter = asyncio.create_task(submit_and_wait())
    await settled()
    submitter.cancel()
    await settled()
    assert submitter.cancelled()
    assert streams.sending == {}


async def test_a_submitter_cancelled_as_its_item_is_dropped_ends_cancelled(streams: Streams) -> None:
    async def submit_and_wait() -> None:
        streams.submit(2)
        await streams.items[2]

    streams.submit(1)
    submitter = asyncio.create_task(submit_and_wait())
    await settled()
    streams.submit(3)
    submitter.cancel()
    await settled()
    assert submitter.cancelled()
    await streams.end(1)
    await streams.end(3)


async def test_an_item_cancelled_before_it_began_gives_its_turn_on(streams: Streams) -> None:
    streams.submit(1, 2)
    streams.items[1].cancel()
    await settled()
    assert streams.begun == {("a", "s"): [2]}
    await streams.end(2)


async def test_an_item_is_sent_in_its_submitters_context(streams: Streams) -> None:
    trace = contextvars.ContextVar("trace", default="none")
    seen = []

    async def send() -> None:
        seen.append(trace.get())

    streams.submit(1)
    trace.set("mine")
    item = streams.latest.submit("a", "s", send)
    trace.set("another")
    await settled()
    await streams.end(1)
    await item
    assert seen == ["mine"]


async def test_streams_under_way_are_bounded() -> None:
    streams = Streams(LatestWins(max_streams=2))
    streams.submit(1)
    streams.submit(2, 3, stream="t")
    with pytest.raises(StreamsFull, match="2 streams are under way"):
        streams.submit(4, stream="u")
    await settled()
    await streams.end(1)
    streams.submit(5, stream="u")
    await settled()
    for number in (2, 3, 5):
        await streams.end(number)
    statistics = streams.latest.statistics()
    assert (statistics.refused, statistics.sending) == (1, 0)


async def test_a_close_without_grace_drops_and_cancels_and_says_so(streams: Streams) -> None:
    streams.submit(1, 2)
    streams.submit(3, target="b")
    assert await streams.latest.aclose() == LatestLeft(waiting=1, sending=2)
    with pytest.raises(LaneClosed, match="before this item was sent"):
        await streams.items[2]
    for number in (1, 3):
        with pytest.raises(LaneClosed, match="while this item was being sent"):
            await streams.items[number]
    assert streams.sending == {}
    with pytest.raises(LaneClosed, match="closed"):
        streams.submit(4)
    assert await streams.latest.aclose() == LatestLeft(waiting=0, sending=0)
    assert streams.latest.statistics().cancelled == 3
    assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing is left behind"


async def test_a_close_with_grace_sends_what_waits(streams: Streams) -> None:
    streams.submit(1, 2)
    closing = asyncio.create_task(streams.latest.aclose(grace=60))
    await settled()
    await streams.end(1)
    await streams.end(2)
    assert await closing == LatestLeft(waiting=0, sending=0)
    assert await streams.items[2] == "sent 2"


def test_the_grace_is_bounded() -> None:
    async def scenario() -> None:
        streams = Streams(LatestWins())
        streams.submit(1, 2)
        began = asyncio.get_running_loop().time()
        assert await streams.latest.aclose(grace=8) == LatestLeft(waiting=1, sending=1)
        assert asyncio.get_running_loop().time() - began == 8

    run(scenario())


async def test_a_cancelled_close_leaves_nothing_running(streams: Streams) -> None:
    streams.submit(1, 2)
    closing = asyncio.create_task(streams.latest.aclose(grace=60))
    await settled()
    closing.cancel()
    await settled()
    assert streams.sending == {}
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_another_event_loop_is_refused_loudly() -> None:
    latest = LatestWins()

    async def use() -> None:
        await latest.submit("a", "s", lambda: asyncio.sleep(0))

    asyncio.run(use())
    with pytest.raises(LaneClosed, match="another event loop"):
        asyncio.run(use())
