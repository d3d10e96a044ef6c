"""Many tasks in a process that dies under all of them: random walks, and every task ends as promised."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contracts import Envelope
from tests.handlers.conftest import Note
from tests.handlers.model.core import NOW, Wrap, opened
from tests.handlers.model.explore import Promise
from tests.handlers.model.mutants import ForgetsWhatItCannotRecord, as_a
from tests.handlers.model.world import Budget, State, Step, World

BUDGET = Budget(duplicates=3, forgotten=3, outages=5, drains=3, parks=3)
"""Of each task; how often the process dies is for the machine."""
MAX_TASKS = 6
MAX_ATTEMPTS = 3


class ManyTasks(RuleBasedStateMachine):
    exclusive = False
    wrap: Wrap = staticmethod(lambda pipeline: pipeline)

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.tasks: list[tuple[World, State]] = []
        self.deaths = 0

    @initialize()
    def open(self) -> None:
        logging.disable(logging.CRITICAL)
        self.stack.callback(logging.disable, logging.NOTSET)
        self.world = self.stack.enter_context(
            opened(max_attempts=MAX_ATTEMPTS, exclusive=self.exclusive, quarantine=True, wrap=self.wrap)
        )
        self.promise = Promise(max_attempts=MAX_ATTEMPTS)

    @precondition(lambda self: len(self.tasks) < MAX_TASKS)
    @rule()
    def enqueue(self) -> None:
        note = Note(id=f"n{len(self.tasks)}", realtime=False)
        world = replace(self.world, envelope=Envelope.seal(note, accepted_at=NOW))
        self.tasks.append((world, world.begin(NOW, BUDGET)))

    @precondition(lambda self: self.tasks)
    @rule(which=st.integers(0, MAX_TASKS - 1), way=st.integers(0, 1000))
    def go_on(self, which: int, way: int) -> None:
        place = which % len(self.tasks)
        world, state = self.tasks[place]
        steps = list(world.successors(state))
        if steps:
            self._take(place, steps[way % len(steps)])

    @rule()
    def die(self) -> None:
        self.tasks = [(world, state._replace(flights=())) for world, state in self.tasks]
        self.deaths += 1

    @invariant()
    def nothing_is_lost(self) -> None:
        for world, state in self.tasks:
            assert self.promise.broken(world, state) is None

    def teardown(self) -> None:
        """All is well from now on: everything comes to its end."""
        with self.stack:
            for place in range(len(self.tasks)):
                self._ends(place)

    def _ends(self, place: int) -> None:
        for _ in range(500):
            world, state = self.tasks[place]
            quiet = state._replace(budget=Budget(parks=0))
            steps = list(world.successors(quiet))
            if not steps:
                break
            self._take(place, replace(steps[-1], state=steps[-1].state._replace(budget=state.budget)))
        world, state = self.tasks[place]
        assert (state.tasks, state.flights) == ((), ())
        assert self.promise.broken(world, state) is None

    def _take(self, place: int, step: Step) -> None:
        world, state = self.tasks[place]
        spent = sum(BUDGET) - sum(state.budget) + self.deaths
        assert self.promise.broken_by(world, state, step, spent) is None
        self.tasks[place] = (world, step.state)


class ManyLeasedTasks(ManyTasks):
    exclusive = True


class Forgetful(ManyTasks):
    wrap = staticmethod(as_a(ForgetsWhatItCannotRecord))


QUICK = settings(
    max_examples=40, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
BLUNT = settings(QUICK, max_examples=300, phases=[Phase.generate], database=None, derandomize=True)
"""A fault need only be found, not be told in the fewest steps."""


@pytest.mark.parametrize("machine", [ManyTasks, ManyLeasedTasks])
def test_every_task_ends_as_promised(machine: type[ManyTasks]) -> None:
    run_state_machine_as_test(machine, settings=QUICK)


def test_a_planted_fault_is_found() -> None:
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Forgetful, settings=BLUNT)
