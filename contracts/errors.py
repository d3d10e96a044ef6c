"""What can be wrong with a task or an event, their form on the way, or the queue catalog.

ContractError
├── InvalidTask          a task type or a task's identity breaks a rule
├── InvalidEvent         an event type breaks a rule
├── DuplicateTask        two task types have one name
├── UnknownTask          no registered task type has this name
├── NewerVersion         the payload was written by newer code than this
├── Undecodable          the bytes are no envelope, no event, or no payload of their type
└── CatalogError         the queue catalog, or a task type's place in it, is wrong
"""

from __future__ import annotations


class ContractError(Exception):
    """Base of every error that `contracts` raises."""


class InvalidTask(ContractError):
    """A task type or a task's identity breaks a rule; the message names the rule."""


class InvalidEvent(ContractError):
    """An event type breaks a rule; the message names the rule."""


class DuplicateTask(ContractError):
    """Two task types have one name: rename one of them, names are stored for ever."""


class UnknownTask(ContractError):
    """No registered task type has this name: deploy handlers before producers."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no task type is registered as {name!r}; deploy the handlers that know it first")
        self.name = name


class NewerVersion(ContractError):
    """The payload was written by newer code than this: deploy handlers before producers."""

    def __init__(self, name: str, version: int, known: int, *, noun: str = "task") -> None:
        super().__init__(
            f"{noun} {name!r} has version {version}, this code knows up to {known}; "
            "deploy newer handlers first"
        )
        self.name = name
        self.version = version
        self.known = known


class Undecodable(ContractError):
    """The bytes are no envelope, event or payload of their type; `raw` keeps them for the dead letter."""

    def __init__(self, detail: str, raw: bytes) -> None:
        super().__init__(detail)
        self.detail = detail
        self.raw = raw


class CatalogError(ContractError):
    """The queue catalog is wrong; the message names file, queue, field, value and what is allowed."""
