"""What travels as the body of a Cloud Task: one line about the task, one line of the task itself. Pure.

The first line is JSON whose shape never changes, so that any version of any handler can claim,
postpone or bury a task whose payload it does not understand. The rest is the payload, opaque to
everything but its own type and carried byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from contracts.errors import Undecodable
from contracts.identity import MAX_IDENTITY, delivery_id, task_id
from contracts.task import Task, TaskRegistry

CONTENT_TYPE = "application/x-ndjson"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """Where in its life a task is; later positions compare greater."""

    attempt: Annotated[int, Field(ge=1)]
    park: Annotated[int, Field(ge=0)]


class _Outer(BaseModel):
    """The first line. Its shape never changes: a new field would be lost in an older handler's hands."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(min_length=1, max_length=63)
    version: int = Field(ge=1)
    identity: str = Field(min_length=1, max_length=MAX_IDENTITY)
    generation: int = Field(default=0, ge=0)
    """0, and one more with each replay of a dead letter."""
    attempt: int = Field(default=1, ge=1)
    park: int = Field(default=0, ge=0)
    """How often this attempt was postponed without being made."""
    accepted_at: AwareDatetime
    """From when its age counts: when it was enqueued, or the later time for which it was."""
    trace: str | None = None
    """W3C traceparent of the request that enqueued the task."""


class Envelope(_Outer):
    """A task on its way: what everybody may read, and the payload that only its type reads."""

    payload: bytes = Field(exclude=True, repr=False)

    @classmethod
    def seal(cls, task: Task, *, accepted_at: datetime, trace: str | None = None) -> Self:
        """Wrap a task that was just accepted: generation 0, attempt 1."""
        return cls(
            type=task.name,
            version=task.version,
            identity=task.identity(),
            accepted_at=accepted_at,
            trace=trace,
            payload=task.to_payload(),
        )

    def encode(self) -> bytes:
        """The body of the Cloud Task."""
        return self.model_dump_json().encode() + b"\n" + self.payload

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a body; the payload is not looked at. Raises `Undecodable`, which keeps the bytes."""
        head, newline, payload = body.partition(b"\n")
        if not newline:
            raise Undecodable("the body has no payload line: it is no task envelope", body)
        try:
            outer = _Outer.model_validate_json(head)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "first line"
            raise Undecodable(f"envelope field {place!r}: {first['msg']}", body) from error
        return cls(**outer.__dict__, payload=payload)

    def open(self, registry: TaskRegistry) -> Task:
        """The task inside.

        Raises:
            UnknownTask: its type is not registered here.
            NewerVersion: newer code wrote it.
            Undecodable: the payload is not valid.
        """
        return registry.get(self.type).from_payload(self.payload, self.version)

    @property
    def position(self) -> Position:
        return Position(attempt=self.attempt, park=self.park)

    @property
    def task_id(self) -> str:
        """The TASK_ID of exactly this attempt and park."""
        return task_id(self.type, self.identity, self.generation, self.attempt, self.park)

    @cached_property
    def delivery_id(self) -> str:
        return delivery_id(self.type, self.identity)

    def at(self, position: Position) -> Self:
        """The same task at another attempt or park."""
        return self.model_copy(update={"attempt": position.attempt, "park": position.park})

    def carrying(self, payload: bytes) -> Self:
        """The same task with a reference in the place of its payload, or with what that refers to."""
        return self.model_copy(update={"payload": payload})

    def replayed(self, generation: int, accepted_at: datetime) -> Self:
        """The same event as a new generation: a first attempt with its age counted anew."""
        return self.model_copy(
            update={"generation": generation, "attempt": 1, "park": 0, "accepted_at": accepted_at}
        )
