"""Looks at every state that a task can come to, and says how it comes to one that must not be."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from stores import OutcomeKind
from tests.handlers.model.world import State, Step, World


class Violation(AssertionError):
    """What must not be, and the steps that lead there."""


@dataclass(frozen=True, slots=True)
class Explored:
    states: int
    steps: int
    ends: int
    """States after which nothing happens any more."""
    depth: int
    """Every state that so many steps lead to was looked at."""
    complete: bool
    """There are no others; if not, `limit` was reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What must be true of every state."""

    max_attempts: int

    def broken(self, world: World, state: State) -> str | None:
        """What is not as promised."""
        row = world.row(state)
        outcome = row.outcome if row else None
        final = outcome.kind if outcome is not None and outcome.final else None
        waits = bool(state.tasks)
        if not (state.delivered or state.buried or waits or final is OutcomeKind.SKIPPED):
            return "the task is lost: neither executed nor waiting nor skipped nor a dead letter"
        if not waits and not state.flights and final is None and not state.unrecorded:
            return "nobody has the task any more, and it has not ended"
        unburied = final is OutcomeKind.DEAD and not state.buried
        if not waits and not state.flights and unburied and not state.unrecorded:
            # Where it was executed and not recorded, a letter may be left to the reconciler.
            return "it is dead without a letter"
        if state.buried and final is OutcomeKind.DONE:
            return "it is done, and a dead letter"
        if final is OutcomeKind.DONE and not state.delivered:
            return "it is done, and was not executed"
        if final is OutcomeKind.DONE and not state.derived:
            return "it is done, and what follows from it is lost"
        if row and row.position.attempt > self.max_attempts:
            return f"attempt {row.position.attempt} of {self.max_attempts}"
        if row and sum(ended.outcome.kind is OutcomeKind.RETRY for ended in row.history) >= self.max_attempts:
            return "more attempts failed than there may be"
        return None

    def broken_by(self, world: World, before: State, step: Step, spent: int) -> str | None:
        """What is not as promised of the step, where `spent` things went wrong before."""
        old, new = world.row(before), world.row(step.state)
        if old and new:
            if new.position < old.position:
                return "an attempt began after a later one"
            if old.outcome is not None and old.outcome.final and new.outcome != old.outcome:
                return "what had ended goes on"
        if len(step.state.runs) > len(before.runs):
            repeated = len(step.state.runs) - len(set(step.state.runs))
            if repeated > spent:
                return f"{repeated} attempts were repeated, and only {spent} things went wrong"
        return None


def explore(world: World, first: State, promise: Promise, *, limit: int) -> Explored:
    """Every state, once, those of the fewest steps first, until there are `limit`. Raises `Violation`."""
    came_from: dict[State, tuple[State | None, str]] = {first: (None, "enqueue")}
    waiting = deque([first])
    allowed = sum(first.budget)
    steps = ends = depth = left = 0
    while waiting and len(came_from) < limit:
        if not left:
            depth, left = depth + 1, len(waiting)
        state = waiting.popleft()
        left -= 1
        spent = allowed - sum(state.budget)
        at_end = True
        for step in world.successors(state):
            steps += 1
            at_end = False
            fault = promise.broken_by(world, state, step, spent)
            if step.state not in came_from:
                came_from[step.state] = (state, step.what)
                fault = fault or promise.broken(world, step.state)
                waiting.append(step.state)
            if fault:
                came_from.setdefault(step.state, (state, step.what))
                raise Violation("\n  ".join([fault, *_path(came_from, state), step.what]))
        ends += at_end
    complete = not waiting
    return Explored(len(came_from), steps, ends, depth if complete or not left else depth - 1, complete)


def _path(came_from: dict[State, tuple[State | None, str]], state: State | None) -> list[str]:
    path: list[str] = []
    while state is not None:
        state, what = came_from[state]
        path.append(what)
    return path[::-1]
