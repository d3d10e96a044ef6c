"""Hands a request as it came to a call that takes any verb, header and body; it reads none of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.message import Message

from emulator.rest.route import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """`variables` are those of the template. The body is as it was sent: a compressed one stays so.

    Names of `headers` are in lower case, as ASGI has them; one may come several times.
    """

    verb: str
    variables: Mapping[str, str]
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class RawRoute:
    """A path that answers every verb. `function` returns the fields of the answer; it raises ApiError."""

    template: str
    function: Callable[[RawRequest], Awaitable[Mapping[str, Message]]]
    parsed: Template = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parsed", Template.parse(self.template))
