"""A task type in three versions, as three deployments of one backend would hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from contracts import Task, Upcaster, identity_of


class Place(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    street: str


class GreetingV1(Task):
    """The oldest code: a whole name in one field."""

    name: ClassVar[str] = "greeting"
    queue: ClassVar[str] = "greetings"

    who: str
    place: Place | None = None

    def identity(self) -> str:
        return identity_of(self.who)

    def target(self) -> str:
        return identity_of(self.who)


def split_name(fields: dict[str, Any]) -> dict[str, Any]:
    first, _, last = fields.pop("who").partition(" ")
    return {**fields, "first": first, "last": last}


def greet_in_english(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "language": "en"}


class GreetingV2(Task):
    name: ClassVar[str] = "greeting"
    version: ClassVar[int] = 2
    queue: ClassVar[str] = "greetings"
    upcasters: ClassVar[Mapping[int, Upcaster]] = {1: split_name}

    first: str
    last: str
    place: Place | None = None

    def identity(self) -> str:
        return identity_of(self.first, self.last)

    def target(self) -> str:
        return identity_of(self.first, self.last)


class GreetingV3(GreetingV2):
    version: ClassVar[int] = 3
    upcasters: ClassVar[Mapping[int, Upcaster]] = {1: split_name, 2: greet_in_english}

    language: str
