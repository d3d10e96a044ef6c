"""What the real pipeline does next with one request, given what its calls were answered so far.

A request is a function of its answers: it is run again from its beginning with those it had, until it makes a
call that has no answer yet. There it ends without cleaning up, as if its process had died. So a state of many
requests needs no coroutine that lives, and any of them can go on from any state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, NoReturn

from contracts import Envelope, Position, Task
from handlers.arrival import TaskRequest
from handlers.delivery import End
from handlers.effect import Delivery
from handlers.pipeline import Pipeline
from producers import Receipt
from stores import Claim, Key, Outcome, Recorded, Row, Start


class Call(NamedTuple):
    """What a request asks of the world: of the ledger, the outbox, its target or the side effect."""

    name: str
    arguments: tuple[Any, ...] = ()


class Answer(NamedTuple):
    value: Any
    at: datetime
    fails: type[BaseException] | None = None
    """Raised instead of returning the value."""


@dataclass(frozen=True, slots=True)
class Node:
    """Where a request is: at a call, or at its end."""

    request: TaskRequest
    token: str
    answers: tuple[Answer, ...]
    call: Call | None
    status: int = 0
    """Where it has ended: what it answers; 500 if it was cancelled."""


class _NoAnswer(BaseException):
    """Nobody but the run catches it."""

    def __init__(self, call: Call) -> None:
        self.call = call


class Ports:
    """Everything that the pipeline calls: each call returns its answer, or ends the run."""

    def __init__(self, answers: Iterable[Answer], began: datetime) -> None:
        self._answers = iter(answers)
        self.now = began

    def clock(self) -> datetime:
        return self.now

    async def ask(self, name: str, *arguments: Any) -> Any:
        for answer in self._answers:
            self.now = answer.at
            if answer.fails is not None:
                raise answer.fails
            return answer.value
        self._stop(Call(name, arguments))
        raise AssertionError("unreachable")

    def _stop(self, call: Call) -> NoReturn:
        raise _NoAnswer(call)


class AskedLedger:
    """Of `stores.Ledger`, what a pipeline calls."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def claim(self, start: Start) -> Claim:
        claim: Claim = await self._ports.ask("claim", start)
        return claim

    async def release(self, start: Start) -> None:
        await self._ports.ask("release", start)

    async def record(self, start: Start, outcome: Outcome, body: bytes) -> Recorded:
        recorded: Recorded = await self._ports.ask("record", start, outcome, body)
        return recorded

    async def confirm(self, key: Key, position: Position) -> None:
        await self._ports.ask("confirm", key, position)

    async def overdue(self, before: datetime, *, limit: int, after: Row | None = None) -> tuple[Row, ...]:
        raise AssertionError("a request does not look for others")


class AskedOutbox:
    """Implements `handlers.follow_up.Outbox`."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def forward(
        self, envelope: Envelope, cloud_queue: str, *, schedule_at: datetime | None = None
    ) -> Receipt:
        created: bool = await self._ports.ask("forward", envelope, cloud_queue, schedule_at)
        return Receipt(
            task=envelope.task_id,
            queue=cloud_queue,
            type=envelope.type,
            identity=envelope.identity,
            delivery_id=envelope.delivery_id,
            accepted_at=envelope.accepted_at,
            duplicate=not created,
        )

    async def enqueue_many(self, tasks: Iterable[Task]) -> tuple[Receipt, ...]:
        await self._ports.ask("derive", tuple(tasks))
        return ()

    async def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> str:
        await self._ports.ask("publish", topic, data)
        return "1"


async def side_effect(ports: Ports, delivery: Delivery) -> End:
    end: End = await ports.ask("effect", delivery.attempt)
    return end


Build = Callable[[Ports, str], Pipeline]
"""A pipeline on these ports, whose start has this token."""


class Requests:
    """Runs requests, each step once: what was run before is known by its answers."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._loop = asyncio.new_event_loop()
        self._nodes: list[Node] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def close(self) -> None:
        self._loop.close()

    def node(self, number: int) -> Node:
        return self._nodes[number]

    def begin(self, request: TaskRequest, token: str, at: datetime) -> int:
        """The number of the node at its first call."""
        return self._known((request, token, at), request, token, (Answer(None, at),))

    def answered(self, number: int, answer: Answer) -> int:
        """The number of the node after the call of this one was answered."""
        node = self._nodes[number]
        return self._known((number, answer), node.request, node.token, (*node.answers, answer))

    def _known(
        self, by: tuple[object, ...], request: TaskRequest, token: str, answers: tuple[Answer, ...]
    ) -> int:
        if by not in self._numbers:
            node = self._run(request, token, answers)
            if node.call is None:  # how it came to its end no longer matters
                node = Node(request, token, (), None, node.status)
            self._numbers[by] = self._number(node)
        return self._numbers[by]

    def _number(self, node: Node) -> int:
        number = self._numbers.setdefault((node,), len(self._nodes))
        if number == len(self._nodes):
            self._nodes.append(node)
        return number

    def _run(self, request: TaskRequest, token: str, answers: tuple[Answer, ...]) -> Node:
        began, *rest = answers
        pipeline = self._build(Ports(rest, began.at), token)
        try:
            reply = self._loop.run_until_complete(pipeline.handle(request))
        except _NoAnswer as stopped:
            return Node(request, token, answers, stopped.call)
        except asyncio.CancelledError:
            return Node(request, token, answers, None, 500)
        return Node(request, token, answers, None, reply.status)
