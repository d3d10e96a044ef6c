"""A typed side effect, and the registry of the types that this deployment knows. Pure, no I/O."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from contracts.errors import DuplicateTask, InvalidTask, NewerVersion, Undecodable, UnknownTask

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the JSON object of version n into that of version n + 1."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_RESERVED = (
    *("name", "version", "queue", "alternate_queues", "upcasters"),
    *("identity", "target", "owner", "route", "to_payload", "from_payload"),
)
_FIELDS = TypeAdapter(dict[str, Any])


class Task(BaseModel):
    """One side effect, as the request path says it and a handler executes it.

    A subclass sets `name`, `version` and `queue` and says what its `identity` is. Building one
    refuses unknown fields; reading one ignores them, so that a new optional field needs no new
    version. Any other change of shape is a new version with an upcaster from the one before.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,  # JSON has neither: they would be written as null
        ser_json_bytes="base64",
        val_json_bytes="base64",
        validate_by_name=True,
        serialize_by_alias=True,
    )

    name: ClassVar[str]
    """The type's name in URLs, envelopes and metrics; never changes once released."""
    version: ClassVar[int] = 1
    queue: ClassVar[str]
    """The queue of the catalog that carries tasks of this type."""
    alternate_queues: ClassVar[tuple[str, ...]] = ()
    """Further queues that `route` may answer."""
    upcasters: ClassVar[Mapping[int, Upcaster]] = {}
    """By the version they start from; one for every version below the current."""

    @abstractmethod
    def identity(self) -> str:
        """Name the event (see `identity_of`); equal for the same event, whoever tells it again."""

    @abstractmethod
    def target(self) -> str:
        """Whom the side effect addresses: tasks of one target fail, slow down and recover together."""

    def owner(self) -> str:
        """The user whose data the task carries: erasing that user erases it. Empty: nobody's."""
        return ""

    def route(self) -> str:
        """The queue of this very task: `queue`, or one of `alternate_queues`."""
        return self.queue

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for attribute in _RESERVED:
            if attribute in cls.model_fields:
                raise InvalidTask(
                    f"{cls.__name__}.{attribute} belongs to the task type: give the field another name"
                )
        if not _NAME.match(getattr(cls, "name", "")):
            raise InvalidTask(
                f"{cls.__name__}.name must be lower-case letters, digits and hyphens, at most 63; "
                f"got {getattr(cls, 'name', None)!r}"
            )
        if not getattr(cls, "queue", ""):
            raise InvalidTask(f"{cls.__name__}.queue is missing: name a queue of the catalog")
        expected = set(range(1, cls.version))
        if set(cls.upcasters) != expected:
            raise InvalidTask(
                f"{cls.__name__} has version {cls.version} and needs upcasters from {sorted(expected)}; "
                f"it has them from {sorted(cls.upcasters)}"
            )

    def to_payload(self) -> bytes:
        """This task's own fields as JSON, in UTF-8 on one line."""
        return self.model_dump_json().encode()

    @classmethod
    def from_payload(cls, payload: bytes, version: int) -> Self:
        """Read a payload that `version` of this type wrote, upcasting it where it is older.

        Raises:
            NewerVersion: `version` is above this code's.
            Undecodable: the payload is not valid for its version.
        """
        if version > cls.version:
            raise NewerVersion(cls.name, version, cls.version)
        current = payload
        try:
            if version < cls.version:
                fields = _FIELDS.validate_json(payload)
                for step in range(version, cls.version):
                    fields = cls.upcasters[step](fields)
                current = json.dumps(fields).encode()
            return cls.model_validate_json(current, extra="ignore")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            detail = f"payload of task {cls.name!r} version {version} is not valid: {_explain(error)}"
            raise Undecodable(detail, payload) from error


class TaskRegistry:
    """The task types of one deployment; only these are ever decoded or dispatched. Immutable."""

    def __init__(self, types: Iterable[type[Task]]) -> None:
        """Raises `DuplicateTask` where two types have one name."""
        self._types: dict[str, type[Task]] = {}
        for task_type in types:
            other = self._types.setdefault(task_type.name, task_type)
            if other is not task_type:
                raise DuplicateTask(
                    f"{other.__qualname__} and {task_type.__qualname__} are both named "
                    f"{task_type.name!r}; rename one"
                )

    def __iter__(self) -> Iterator[type[Task]]:
        return iter(self._types.values())

    def get(self, name: str) -> type[Task]:
        """The type of this name; raises `UnknownTask`."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownTask(name) from None


def _explain(error: Exception) -> str:
    """The first fault of a payload, without its values: they may be private."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"field {place!r}: {first['msg']}" if place else first["msg"]
    return f"an upcaster could not read it ({type(error).__name__})"
