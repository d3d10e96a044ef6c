"""A stream under any order of frames, outages, waits and ends: nothing accepted is lost."""

from __future__ import annotations

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contracts import Task, TranscriptFlushed, load_catalog
from producers import Receipt, Unreachable
from producers.pusher import Close, PusherLimits
from producers.testing import RecordingProducer, recording
from tests.lanes.virtual_time import runner, settled
from tests.producers.conftest import QUEUES_FILE
from tests.producers.pusher.streams import flushes, new_pusher, start

LIMITS = PusherLimits(segments=5, flush_segments=3, give_up_seconds=8)


class StreamMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.catalog = load_catalog(QUEUES_FILE)
        self.runner = runner()
        self.is_away = False
        self.said: list[str] = []
        self.streams = 0
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.producer: RecordingProducer = recording(self.catalog)
        await self.producer.__aenter__()
        enqueue = self.producer.enqueue

        async def sometimes(task: Task) -> Receipt:
            if self.is_away:
                raise Unreachable("Cloud Tasks gave no answer")
            return await enqueue(task)

        self.producer.enqueue = lambda task, **_: sometimes(task)  # type: ignore[method-assign]
        self._connect()

    def _connect(self) -> None:
        self.pusher = new_pusher(limits=LIMITS)
        self.said = []
        self.producer.tasks.clear()
        self.producer.events.clear()
        self.streams += 1
        self.running = start(self.pusher, stream_id=f"s{self.streams}")

    @rule(count=st.integers(1, 7))
    def speak(self, count: int) -> None:
        async def speaking() -> None:
            texts = [str(len(self.said) + number) for number in range(count)]
            self.said += texts
            self.running.socket.speak(*texts)
            await settled()

        self.runner.run(speaking())

    @rule(seconds=st.sampled_from([0.3, 1.1, 12]))
    def wait(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    @rule(is_away=st.booleans())
    def outage(self, is_away: bool) -> None:
        self.is_away = is_away

    @rule()
    def hang_up(self) -> None:
        self.runner.run(self._end())

    async def _end(self) -> None:
        before = asyncio.get_running_loop().time()
        self.running.socket.hang_up()
        close = await self.running.end
        durable = [text for _, texts in flushes(self.producer.tasks) for text in texts]
        lost = self.pusher.statistics().dropped_segments
        assert durable == self.said[: len(durable)], "in order, and none left out"
        if not self.is_away and close is Close.DONE:
            assert durable == self.said
        unread = self.running.socket.frames.qsize()
        if not unread:
            assert len(durable) + lost >= len(self.said) or close is not Close.DONE
        assert (lost == 0) == (not self.running.socket.of("dropped"))
        assert asyncio.get_running_loop().time() - before <= LIMITS.give_up_seconds + 2
        assert asyncio.all_tasks() == {asyncio.current_task()}
        self._connect()

    @invariant()
    def what_was_told_is_durable(self) -> None:
        told = self.running.socket.of("flushed")
        done = flushes(self.producer.tasks)
        assert [frame["sequence"] for frame in told] == list(range(len(told))), "no gap"
        assert [sequence for sequence, _ in done] == list(range(len(done))), "no gap"
        if told:
            assert told[-1]["through"] <= sum(len(texts) for _, texts in done)
        events = [event for event in self.producer.events if isinstance(event, TranscriptFlushed)]
        assert [event.sequence for event in events] == list(range(len(events)))
        assert self.pusher.statistics().segments <= LIMITS.segments

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        self.running.socket.hang_up()
        await self.running.end
        await self.producer.__aexit__(None, None, None)


def test_nothing_accepted_is_lost() -> None:
    run_state_machine_as_test(
        StreamMachine, settings=settings(max_examples=40, stateful_step_count=15, deadline=None)
    )
