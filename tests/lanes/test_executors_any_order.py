"""An executor under any order of submits, cancellations and ends: bounded, and each job ends once."""

from __future__ import annotations

import asyncio
import threading

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from lanes import Executor, ExecutorClosed, ExecutorSaturated, ExecutorSettings, Job

THREADS = 2
WAITING = 3
SECONDS = 20


class Held:
    """A job that began only when `began` is set, and ends when it is told how."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self._told = threading.Event()
        self._fails = False
        self.job: Job[str]

    def work(self) -> str:
        self.began.set()
        assert self._told.wait(SECONDS)
        if self._fails:
            raise LookupError
        return "done"

    def tell(self, *, fails: bool) -> None:
        self._fails = fails
        self._told.set()


class ExecutorMachine(RuleBasedStateMachine):
    """The model: jobs begin in the order of their submission, as many as there are threads."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.executor = Executor(ExecutorSettings(name="any", threads=THREADS, max_waiting=WAITING))
        self.loop.run(self.executor.open())
        self.running: list[Held] = []
        self.waiting: list[Held] = []

    @rule(target=held)
    def submit(self) -> Held:
        held = Held()
        try:
            held.job = self.executor.submit(held.work)
        except ExecutorSaturated:
            assert len(self.running) + len(self.waiting) == THREADS + WAITING
            return held
        assert len(self.running) + len(self.waiting) < THREADS + WAITING
        self.waiting.append(held)
        self.begin()
        return held

    @rule(held=consumes(held), fails=st.booleans())
    def end(self, held: Held, fails: bool) -> None:
        if held not in self.running:
            return
        held.tell(fails=fails)
        error = held.job.exception(SECONDS)
        assert isinstance(error, LookupError) if fails else error is None
        self.running.remove(held)
        self.begin()

    @rule(held=held)
    def cancel(self, held: Held) -> None:
        if held in self.waiting:
            assert held.job.cancel()
            self.waiting.remove(held)
        elif held in self.running:
            assert not held.job.cancel()

    @invariant()
    def it_counts_right_and_runs_what_the_model_runs(self) -> None:
        statistics = self.executor.statistics()
        assert statistics.running == len(self.running)
        assert statistics.waiting == len(self.waiting)
        assert all(not waiting.began.is_set() for waiting in self.waiting)

    def begin(self) -> None:
        while self.waiting and len(self.running) < THREADS:
            held = self.waiting.pop(0)
            assert held.began.wait(SECONDS)
            self.running.append(held)

    def teardown(self) -> None:
        left = self.loop.run(self.executor.aclose(grace=0))
        assert (left.dropped, left.running) == (len(self.waiting), len(self.running))
        for held in self.waiting:
            assert isinstance(held.job.exception(SECONDS), ExecutorClosed)
            assert not held.began.is_set()
        for held in self.running:
            held.tell(fails=False)
            assert held.job.result(SECONDS) == "done"
        self.loop.close()


ExecutorMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True
)
TestExecutor = ExecutorMachine.TestCase
