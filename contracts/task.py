"""A typed side effect, and the registry of the types that this deployment knows. Pure, no I/O."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from contracts.errors import ContractError, DuplicateTask, InvalidTask, UnknownTask
from contracts.versioned import Versioned


class Task(Versioned):
    """One side effect, as the request path says it and a handler executes it.

    A subclass sets `name`, `version` and `queue` and says what its `identity` is. Its name is that of the
    type in URLs, envelopes and metrics.
    """

    queue: ClassVar[str]
    """The queue of the catalog that carries tasks of this type."""
    alternate_queues: ClassVar[tuple[str, ...]] = ()
    """Further queues that `route` may answer."""

    _noun: ClassVar[str] = "task"
    _invalid: ClassVar[type[ContractError]] = InvalidTask
    _reserved: ClassVar[tuple[str, ...]] = (
        *("name", "version", "queue", "alternate_queues", "upcasters"),
        *("identity", "target", "owner", "route", "to_payload", "from_payload"),
    )

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
        cls._check_type()
        if not getattr(cls, "queue", ""):
            raise InvalidTask(f"{cls.__name__}.queue is missing: name a queue of the catalog")


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
