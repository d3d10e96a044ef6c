"""Latest-wins under any order of items, ends and cancellations: one send a stream, the newest last."""

from __future__ import annotations

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lanes import LaneClosed, LatestWins, StreamsFull, Superseded
from tests.lanes.streams import Streams
from tests.lanes.virtual_time import runner, settled

KEYS = [("a", "s"), ("a", "t"), ("b", "s"), ("b", "t")]
MAX_STREAMS = 3
TICKS = st.integers(0, 3)


class Refused(Exception):
    """What a target answers at times."""


class LatestMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = runner()
        self.streams = Streams(LatestWins(max_streams=MAX_STREAMS))
        self.keys: dict[int, tuple[str, str]] = {}
        self.taken_back: set[int] = set()

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        await settled()
        latest = self.streams.latest
        before = latest.statistics()
        left = await latest.aclose()
        assert (left.sending, left.waiting) == (before.sending, before.waiting)
        await settled()
        assert all(item.done() for item in self.streams.items.values()), "every submitter learns its end"
        closed = sum(
            not item.cancelled() and isinstance(item.exception(), LaneClosed)
            for item in self.streams.items.values()
        )
        assert closed == left.sending + left.waiting
        after = latest.statistics()
        ends = after.sent + after.failed + after.superseded + after.cancelled
        assert ends == len(self.streams.items)
        assert (after.sending, after.waiting) == (0, 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    @rule(key=st.sampled_from(KEYS), count=st.integers(1, 3), ticks=TICKS)
    def submit(self, key: tuple[str, str], count: int, ticks: int) -> None:
        async def submitting() -> None:
            for _ in range(count):
                number = len(self.keys)
                try:
                    self.streams.submit(number, target=key[0], stream=key[1])
                except StreamsFull:
                    assert self.streams.latest.statistics().sending == MAX_STREAMS
                    return
                self.keys[number] = key
                await turns(ticks)

        self.runner.run(submitting())

    @rule(
        key=st.sampled_from(KEYS),
        fails=st.booleans(),
        ticks=TICKS,
        take_back=st.booleans(),
        newer=st.booleans(),
    )
    def end(self, key: tuple[str, str], fails: bool, ticks: int, take_back: bool, newer: bool) -> None:
        """A send ends, and turns of the loop later its successor is taken back or gets a newer one."""

        async def ending() -> None:
            for number in [number for number in self.streams.sending if self.keys[number] == key]:
                answer = self.streams.sending[number]
                if answer.done():
                    continue
                if fails:
                    answer.set_exception(Refused())
                else:
                    answer.set_result(f"sent {number}")
            await turns(ticks)
            if take_back:
                self._take_back([number for number in self.streams.items if self.keys[number] == key][-1:])

        self.runner.run(ending())
        if newer:
            self.submit(key, 1, 0)

    @rule(which=st.integers(0, 5))
    def take_one_back(self, which: int) -> None:
        async def cancelling() -> None:
            alive = [number for number, item in self.streams.items.items() if not item.done()]
            self._take_back(alive[which % len(alive) :][:1] if alive else [])

        self.runner.run(cancelling())

    def _take_back(self, numbers: list[int]) -> None:
        for number in numbers:
            if self.streams.items[number].cancel():
                self.taken_back.add(number)

    @rule()
    def everything_settles(self) -> None:
        self.runner.run(settled())
        for key in KEYS:
            mine = [number for number in self.streams.items if self.keys[number] == key]
            alive = [number for number in mine if not self.streams.items[number].done()]
            sending = [number for number in mine if number in self.streams.sending]
            assert len(alive) <= 2
            assert len(sending) == min(1, len(alive)), "the stream's one send, if it has an item"

    @invariant()
    def one_send_at_a_time(self) -> None:
        keys = [self.keys[number] for number in self.streams.sending]
        assert len(keys) == len(set(keys)) <= MAX_STREAMS

    @invariant()
    def never_an_older_after_a_newer(self) -> None:
        for begun in self.streams.begun.values():
            assert begun == sorted(begun)

    @invariant()
    def only_a_newer_of_the_same_stream_drops_an_item(self) -> None:
        for number, item in self.streams.items.items():
            if not item.done() or item.cancelled():
                assert not item.cancelled() or number in self.taken_back
            elif isinstance(item.exception(), Superseded):
                assert number not in self.streams.begun.get(self.keys[number], [])
                assert any(self.keys[newer] == self.keys[number] for newer in self.keys if newer > number)


async def turns(ticks: int) -> None:
    for _ in range(ticks):
        await asyncio.sleep(0)


def test_one_send_a_stream_and_never_an_older_after_a_newer() -> None:
    run_state_machine_as_test(
        LatestMachine, settings=settings(max_examples=100, stateful_step_count=30, deadline=None)
    )
