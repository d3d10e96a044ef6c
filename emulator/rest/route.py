"""Finds which call a verb and a path mean, by templates as in google.api.http; it reads no body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote

_VARIABLE = re.compile(r"\{([\w.]+)=([^}]+)\}")
_SLASH = re.compile("%2f", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Template:
    """A path template such as `/v2/{name=projects/*/locations/*/queues/*}:pause`, taken apart.

    `*` stands for one segment. `variables` are (field path, first segment, segment after the last).
    """

    segments: tuple[str, ...]
    variables: tuple[tuple[str, int, int], ...]
    action: str

    @classmethod
    def parse(cls, template: str) -> Template:
        variables: list[tuple[str, int, int]] = []
        for match in _VARIABLE.finditer(template):
            before = _VARIABLE.sub(lambda variable: variable[2], template[: match.start()])
            first = before.count("/") - 1
            variables.append((match[1], first, first + match[2].count("/") + 1))
        plain, _, action = _VARIABLE.sub(lambda variable: variable[2], template).partition(":")
        return cls(tuple(plain.split("/")[1:]), tuple(variables), action)

    def match(self, path: Path) -> dict[str, str] | None:
        """The value of each variable, or None where the path is another one."""
        if path.action != self.action or len(path.segments) != len(self.segments):
            return None
        pairs = zip(self.segments, path.segments, strict=True)
        if not all(actual if expected == "*" else expected == actual for expected, actual in pairs):
            return None
        return {name: "/".join(path.segments[first:end]) for name, first, end in self.variables}


@dataclass(frozen=True, slots=True)
class Path:
    """The path of a request. What follows the last `:` of its last segment is its action."""

    segments: tuple[str, ...]
    action: str

    @classmethod
    def parse(cls, raw: str) -> Path:
        """`raw` is percent-encoded. An encoded slash stays so: it is no border between segments."""
        *segments, last = (unquote(_SLASH.sub("%252F", segment)) for segment in raw.split("/")[1:] or ("",))
        plain, colon, action = last.rpartition(":")
        return cls((*segments, plain), action) if colon else cls((*segments, last), "")


@dataclass(frozen=True, slots=True)
class Route:
    """One row of a table of routes, in the terms of google.api.http.

    `verb` is the HTTP method. `method` is the gRPC service's full name and its method,
    `google.cloud.tasks.v2.CloudTasks/PauseQueue`. `body` names the field of the request message that the
    body is, `*` the message itself, and nothing a call without a body. `explicit` hands the call a
    keyword `explicit`, the paths of the fields that the body gives: JSON tells a zero from a field left out,
    and a message does not.
    """

    verb: str
    template: str
    method: str
    body: str = ""
    explicit: bool = False
    parsed: Template = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parsed", Template.parse(self.template))


class _Row(Protocol):
    @property
    def parsed(self) -> Template: ...


RowT = TypeVar("RowT", bound=_Row)


class Router(Generic[RowT]):
    """The rows whose template a path matches, in the table's order."""

    def __init__(self, rows: Iterable[RowT]) -> None:
        self._rows: dict[tuple[int, str], list[RowT]] = {}
        for row in rows:
            self._rows.setdefault((len(row.parsed.segments), row.parsed.action), []).append(row)

    def find(self, path: Path) -> Sequence[tuple[RowT, Mapping[str, str]]]:
        found = []
        for row in self._rows.get((len(path.segments), path.action), ()):
            variables = row.parsed.match(path)
            if variables is not None:
                found.append((row, variables))
        return found
