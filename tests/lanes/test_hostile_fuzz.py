"""Whatever bytes a target answers: an answer or an error of ours, in time."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lanes import LOCAL, WEBHOOKS, Answer, ConnectFailed, DeadlineExceeded, ExchangeFailed, HttpLane
from tests.lanes.hostile import target
from tests.lanes.hostile_answers import says_and_leaves
from tests.lanes.test_hostile_answers import ended

PIECES = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 500 \xff\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\n",
    b"HTTP/1.1 204\r\n",
    b"HTTP/2 304 Not Modified\r\n",
    b"HTTP/1.1 -1 \r\n",
    b"content-length: 3\r\n",
    b"content-length: +3\r\n",
    b"content-length: 9999999999999999999999\r\n",
    b"transfer-encoding: chunked\r\n",
    b"transfer-encoding: gzip, chunked\r\n",
    b"transfer-encoding: identity\r\n",
    b"connection: upgrade\r\nupgrade: h2c\r\n",
    b"content-encoding: br\r\n",
    b"set-cookie: a=b; expires=never\r\n",
    b"location: http://169.254.169.254/\r\n",
    b": empty\r\n",
    b" folded\r\n",
    b"na me: x\r\n",
    b"x: \x00\r\n",
    b"\r\n",
    b"\n",
    b"3\r\nabc\r\n",
    b"fffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b"0;x=y\r\nx: y\r\n\r\n",
    b"abc",
]
# None is empty: Python 3.13.0's transport never closes once an empty piece waited to be written.
ANSWERS = st.lists(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=20), max_size=12)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(ANSWERS, min_size=1, max_size=4))
def test_any_answer_ends_as_an_answer_or_an_error_of_ours(answers: list[list[bytes]]) -> None:
    async def run() -> None:
        lane_settings = WEBHOOKS.model_copy(update={"breaker_failures": None})
        async with HttpLane(lane_settings, egress=LOCAL) as lane:
            for pieces in answers:
                async with target(says_and_leaves(*pieces)) as hostile:
                    end = await ended(lane, hostile.url)
                    assert isinstance(end, Answer | ConnectFailed | DeadlineExceeded | ExchangeFailed)
                    if isinstance(end, Answer):
                        assert 200 <= end.status <= 599
                    await hostile.left()
            assert lane.statistics().lane.in_flight == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
