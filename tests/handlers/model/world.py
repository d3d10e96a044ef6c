"""The world of one task as values: its row, its Cloud Tasks, its requests under way, what may happen.

`successors` says every next state: a request goes one call further, in one of the ways that the call can end,
or Cloud Tasks dispatches, or something goes wrong that the budget still holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple

from contracts import Envelope, Position, Task
from handlers.arrival import TaskRequest
from handlers.delivery import Busy, Returned, TargetFailed
from producers import Unreachable
from stores import Outcome, OutcomeKind, Row, StoreUnavailable
from tests.handlers.model.requests import Answer, Call, Requests
from tests.stores.memory_ledger import MemoryLedger


class CloudTask(NamedTuple):
    queue: str
    attempt: int
    park: int


class Flight(NamedTuple):
    """A request under way."""

    task: CloudTask
    node: int


class Budget(NamedTuple):
    """How often what may go wrong still may."""

    crashes: int = 0
    duplicates: int = 0
    """Dispatches of a task that is under way, or was answered 2xx."""
    forgotten: int = 0
    """Names that may be taken again."""
    outages: int = 0
    """Calls of ledger or outbox that fail, done or not."""
    drains: int = 0
    """Requests that are cancelled."""
    parks: int = 1
    """Attempts that the target has no room for."""


class State(NamedTuple):
    now: datetime
    budget: Budget
    row: int = 0
    """The number of the row, see `World.row`."""
    tasks: tuple[tuple[CloudTask, datetime], ...] = ()
    """Those that exist, by name, and when each is due."""
    names: frozenset[CloudTask] = frozenset()
    """Those that cannot be created."""
    flights: tuple[Flight, ...] = ()
    buried: bool = False
    """A dead letter is published."""
    delivered: bool = False
    """A side effect worked."""
    runs: tuple[int, ...] = ()
    """Side effects that ended: the attempt of each, in order of attempts."""
    derived: bool = False
    """What follows from the side effect was enqueued."""
    unrecorded: bool = False
    """A side effect worked, and the ledger would not take that."""


@dataclass(frozen=True, slots=True)
class Step:
    """One way on; told when it leads to something that must not be."""

    what: str
    state: State


@dataclass(frozen=True)
class World:
    envelope: Envelope
    queue: str
    requests: Requests
    follows: Task
    """What follows from the side effect; nothing matters of it but that it is accepted."""
    _rows: list[Row | None] = field(default_factory=lambda: [None])
    _numbers: dict[Row, int] = field(default_factory=dict)

    def row(self, state: State) -> Row | None:
        return self._rows[state.row]

    def begin(self, now: datetime, budget: Budget) -> State:
        """The task was just enqueued."""
        first = CloudTask(self.queue, 1, 0)
        return State(now, budget, tasks=((first, now),), names=frozenset({first}))

    def successors(self, state: State) -> Iterator[Step]:
        for place, flight in enumerate(state.flights):
            yield from self._goes_on(state, place, flight)
        yield from self._dispatched(state)
        yield from self._goes_wrong(state)

    def _dispatched(self, state: State) -> Iterator[Step]:
        under_way = {flight.task for flight in state.flights}
        for task, due in state.tasks:
            if task not in under_way:
                yield Step(f"dispatch {task}", self._begins(state, task, max(due, state.now)))
        if state.budget.duplicates:
            less = state._replace(budget=state.budget._replace(duplicates=state.budget.duplicates - 1))
            waiting = {task for task, _ in state.tasks} - under_way
            for task in sorted(state.names - waiting):
                yield Step(f"dispatch {task} once more", self._begins(less, task, state.now))

    def _begins(self, state: State, task: CloudTask, now: datetime) -> State:
        body = self.envelope.at(Position(attempt=task.attempt, park=task.park)).encode()
        request = TaskRequest(
            type=self.envelope.type, body=body, authorization="", cloud_queue=task.queue, task_name="t"
        )
        node = self.requests.begin(request, self._token(state), now)
        return self._at(state._replace(now=now), task, node)

    def _at(self, state: State, task: CloudTask, number: int) -> State:
        """The state with one request more, at this node, or with none where it failed: nobody sees it wait.

        Where a target has room for everybody, that it is asked is not seen either.
        """
        node = self.requests.node(number)
        if node.call is not None and node.call.name == "bound" and not state.budget.parks:
            return self._at(state, task, self.requests.answered(number, Answer(None, state.now)))
        if node.call is None and node.status >= 300:
            return state
        return state._replace(flights=tuple(sorted((*state.flights, Flight(task, number)))))

    def _token(self, state: State) -> str:
        """One that nobody has, and nobody is remembered by: fewer names are fewer states."""
        row = self.row(state)
        taken = {self.requests.node(flight.node).token for flight in state.flights}
        taken |= set(row.running) if row else set()
        return next(token for token in map("s{}".format, count()) if token not in taken)

    def _goes_wrong(self, state: State) -> Iterator[Step]:
        budget = state.budget
        if budget.crashes and state.flights:
            less = budget._replace(crashes=budget.crashes - 1)
            yield Step("the process dies", state._replace(flights=(), budget=less))
        if budget.forgotten:
            less = budget._replace(forgotten=budget.forgotten - 1)
            existing = {task for task, _ in state.tasks}
            for task in sorted(state.names - existing):
                yield Step(
                    f"{task} may be created again", state._replace(names=state.names - {task}, budget=less)
                )

    def _goes_on(self, state: State, place: int, flight: Flight) -> Iterator[Step]:
        node = self.requests.node(flight.node)
        others = state._replace(flights=state.flights[:place] + state.flights[place + 1 :])
        if node.call is None:
            tasks = tuple(each for each in state.tasks if each[0] != flight.task)
            yield Step(f"{node.token} answers {node.status}", others._replace(tasks=tasks))
            return
        call, told = node.call, f"{node.token} of {tuple(flight.task)}: {node.call.name}"
        for word, after, answer in self._ways(others, call):
            number = self.requests.answered(flight.node, answer)
            yield Step(f"{told} {word}", self._at(after, flight.task, number))
        if state.budget.drains:
            less = others._replace(budget=state.budget._replace(drains=state.budget.drains - 1))
            number = self.requests.answered(flight.node, Answer(None, state.now, asyncio.CancelledError))
            yield Step(f"{told} is cancelled", self._at(less, flight.task, number))

    def _ways(self, state: State, call: Call) -> Iterator[tuple[str, State, Answer]]:
        """How a call can end: its world afterwards, and its answer."""
        match call.name:
            case "bound":
                yield "has room", state, Answer(None, state.now)
                if state.budget.parks:
                    less = state.budget._replace(parks=state.budget.parks - 1)
                    yield "is full", state._replace(budget=less), Answer(Busy(state.now, "full"), state.now)
            case "effect":
                ran = state._replace(runs=tuple(sorted((*state.runs, call.arguments[0]))))
                failed = Answer(TargetFailed("answered 500"), state.now)
                yield "fails", ran, failed
                worked = ran._replace(delivered=True)
                yield "works", worked, Answer(Returned(then=(self.follows,)), state.now)
            case _:
                after, value = self._done(state, call)
                yield "is done", after, Answer(value, state.now)
                if state.budget.outages:
                    less = state.budget._replace(outages=state.budget.outages - 1)
                    away, lost = (
                        (Unreachable, Unreachable)
                        if call.name in ("forward", "publish", "derive")
                        else (StoreUnavailable, TimeoutError)
                    )
                    unsaid = state._replace(budget=less), after._replace(budget=less)
                    if call.name == "record" and _is_done(call.arguments[1]):
                        unsaid = tuple(each._replace(unrecorded=True) for each in unsaid)  # type: ignore[assignment]
                    yield "fails", unsaid[0], Answer(None, state.now, away)
                    yield "is done, unheard", unsaid[1], Answer(None, state.now, lost)

    def _done(self, state: State, call: Call) -> tuple[State, Any]:
        match call.name:
            case "forward":
                envelope, queue, due = call.arguments
                task = CloudTask(queue, envelope.attempt, envelope.park)
                if task in state.names:
                    return state, False
                tasks = tuple(sorted((*state.tasks, (task, due))))
                return state._replace(tasks=tasks, names=state.names | {task}), True
            case "publish":
                return state._replace(buried=True), None
            case "derive":
                return state._replace(derived=True), None
            case name:
                before = self.row(state)
                ledger = MemoryLedger([before] if before else [])
                value = _at_once(getattr(ledger, name)(*call.arguments))
                (row,) = ledger.rows.values()
                return state._replace(row=self._number(row)), value

    def _number(self, row: Row) -> int:
        if row not in self._numbers:
            self._rows.append(row)
            self._numbers[row] = len(self._rows) - 1
        return self._numbers[row]


def _is_done(outcome: Outcome) -> bool:
    return outcome.kind is OutcomeKind.DONE


def _at_once(call: Any) -> Any:
    """The value of a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a ledger in memory never waits")
