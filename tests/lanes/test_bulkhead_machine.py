"""Bulkheads under any order of calls, ends, cancellations and time: the bound holds, no place is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lanes import BulkheadFull, Bulkheads, BulkheadSettings
from tests.lanes.virtual_time import runner, settled

TARGETS = st.sampled_from(["a", "b", "c"])
SOME = st.lists(st.integers(0, 3), max_size=3)
SETTINGS = BulkheadSettings(max_concurrent=2, max_waiting=2, max_wait=5, max_targets=2)


@dataclass(eq=False)
class Call:
    target: str
    number: int
    end: asyncio.Event = field(default_factory=asyncio.Event)
    entered: bool = False
    task: asyncio.Task[None] | None = None

    def is_over(self) -> bool:
        return self.task is not None and self.task.done()


class BulkheadMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = runner()
        self.bulkheads = Bulkheads(SETTINGS)
        self.calls: list[Call] = []
        self.entered: list[Call] = []

    def teardown(self) -> None:
        for call in self.calls:
            call.end.set()
        self.runner.run(asyncio.sleep(2 * SETTINGS.max_wait))
        assert all(call.is_over() for call in self.calls), "every call ends"
        statistics = self.bulkheads.statistics()
        assert (statistics.targets, statistics.in_flight, statistics.waiting) == (0, 0, 0)
        self.runner.close()

    async def run_call(self, call: Call) -> None:
        try:
            async with self.bulkheads.place(call.target):
                call.entered = True
                self.entered.append(call)
                await call.end.wait()
        except BulkheadFull:
            assert not call.entered

    @rule(target_name=TARGETS, count=st.integers(1, 3))
    def call(self, target_name: str, count: int) -> None:
        async def start() -> None:
            for _ in range(count):
                call = Call(target_name, len(self.calls))
                call.task = asyncio.create_task(self.run_call(call))
                self.calls.append(call)

        self.runner.run(start())

    @rule(target_name=TARGETS, which=SOME, ticks=st.integers(0, 3), cancel=SOME)
    def end(self, target_name: str, which: list[int], ticks: int, cancel: list[int]) -> None:
        """Ends and cancellations a few turns of the loop apart, so that they meet half-way."""
        alive = [call for call in self.calls if call.target == target_name and not call.is_over()]

        async def stop() -> None:
            for index in which if alive else ():
                alive[index % len(alive)].end.set()
            for _ in range(ticks):
                await asyncio.sleep(0)
            for index in cancel if alive else ():
                task = alive[index % len(alive)].task
                assert task is not None
                task.cancel()

        self.runner.run(stop())

    @rule()
    def everything_settles(self) -> None:
        self.runner.run(settled())
        alive = [call for call in self.calls if not call.is_over()]
        for name in ("a", "b", "c"):
            waiting = [call for call in alive if call.target == name and not call.entered]
            going = [call for call in alive if call.target == name and call.entered]
            assert not waiting or len(going) == SETTINGS.max_concurrent, "a free place and somebody waiting"
            assert len(waiting) <= SETTINGS.max_waiting
        statistics = self.bulkheads.statistics()
        assert statistics.in_flight == sum(call.entered for call in alive)
        assert statistics.waiting == sum(not call.entered for call in alive)
        assert statistics.targets == len({call.target for call in alive})

    @rule(seconds=st.floats(0.5, 6))
    def time_passes(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    @invariant()
    def never_above_the_bound(self) -> None:
        going = [call.target for call in self.calls if call.entered and not call.is_over()]
        assert all(going.count(name) <= SETTINGS.max_concurrent for name in going)
        assert len(set(going)) <= SETTINGS.max_targets

    @invariant()
    def first_come_first_served(self) -> None:
        for name in ("a", "b", "c"):
            numbers = [call.number for call in self.entered if call.target == name]
            assert numbers == sorted(numbers)


def test_the_bound_holds_and_no_place_is_lost() -> None:
    run_state_machine_as_test(
        BulkheadMachine, settings=settings(max_examples=100, stateful_step_count=30, deadline=None)
    )
