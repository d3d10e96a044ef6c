"""Reads the filter of a list call and says which messages it lets through; it lists nothing.

The syntax is the one that ListQueuesRequest.filter documents, as far as google.aip.dev/160 and Cloud
Logging's filters share it: comparisons of a field (`state: PAUSED`, `rate_limits.max_burst_size >= 10`), AND,
OR (which binds tighter than AND), NOT or `-`, parentheses; two comparisons side by side mean AND.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.errors import InvalidArgumentError
from emulator.tasks.filter_field import Field, compared, find_field

Filter = Callable[[Any], bool]
"""Whether a message passes."""

MAX_LENGTH = 2048
MAX_DEPTH = 32

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator><=|>=|!=|=~|!~|[=<>:])
      | (?P<mark>[().])
      | (?P<negation>-(?=[A-Za-z_"'(]))
      | (?P<word>[^\s()"'<>=!:.]+(?:\.[0-9][^\s()"'<>=!:.]*)?)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int


def parse_filter(text: str, descriptor: Any) -> Filter:
    """The filter `text` for messages of `descriptor`; an empty one lets all through.

    Raises InvalidArgumentError for what is no filter, for a field that the message does not have and for a
    value that is none of the field's.
    """
    if not text.strip():
        return lambda _message: True
    if len(text) > MAX_LENGTH:
        raise InvalidArgumentError(f"The filter has {len(text)} characters: give at most {MAX_LENGTH}.")
    return _Parser(text, descriptor).parse()


class _Parser:
    """One filter on its way from text to function, by recursive descent."""

    def __init__(self, text: str, descriptor: Any) -> None:
        self._text = text
        self._descriptor = descriptor
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> Filter:
        found = self._all()
        if self._next < len(self._tokens):
            raise self._wrong("an operator or the end")
        return found

    def _all(self) -> Filter:
        parts = [self._any()]
        while self._take("word", "AND") or not self._at_end():
            parts.append(self._any())
        return lambda message: all(part(message) for part in parts)

    def _any(self) -> Filter:
        parts = [self._term()]
        while self._take("word", "OR"):
            parts.append(self._term())
        return lambda message: any(part(message) for part in parts)

    def _term(self) -> Filter:
        if self._take("word", "NOT") or self._take("negation"):
            inner = self._simple()
            return lambda message: not inner(message)
        return self._simple()

    def _simple(self) -> Filter:
        if not self._take("mark", "("):
            return self._comparison()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidArgumentError(f"The filter nests deeper than {MAX_DEPTH} parentheses: flatten it.")
        inner = self._all()
        if not self._take("mark", ")"):
            raise self._wrong("')'")
        self._depth -= 1
        return inner

    def _comparison(self) -> Filter:
        field = self._field()
        operator = self._take("operator")
        if operator is None:
            raise self._wrong("one of = != < <= > >= : after a field")
        sign = self._take("negation")
        value = self._take("string") or self._take("word")
        if value is None:
            raise self._wrong("a value")
        text = ("-" if sign else "") + _plain(value)
        return compared(field, operator.text, text, is_any=value.kind == "word" and text == "*")

    def _field(self) -> Field:
        path = [self._name()]
        while self._take("mark", "."):
            path.append(self._name())
        return find_field(self._descriptor, path)

    def _name(self) -> str:
        name = self._take("string") or self._take("word")
        if name is None or (name.kind == "word" and name.text in {"AND", "OR", "NOT"}):
            raise self._wrong("a field", before=name)
        return _plain(name)

    def _at_end(self) -> bool:
        return self._next == len(self._tokens) or self._tokens[self._next].text == ")"

    def _take(self, kind: str, text: str | None = None) -> _Token | None:
        if self._next == len(self._tokens):
            return None
        token = self._tokens[self._next]
        if token.kind != kind or text not in (None, token.text):
            return None
        self._next += 1
        return token

    def _wrong(self, expected: str, *, before: _Token | None = None) -> InvalidArgumentError:
        token = before or (self._tokens[self._next] if self._next < len(self._tokens) else None)
        found = f"'{token.text}' at character {token.place + 1}" if token else "the end"
        return InvalidArgumentError(f"The filter has {found} where it needs {expected}: {self._text}")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            unread = len(text) - len(text[place:].lstrip())
            raise InvalidArgumentError(f"The filter cannot be read from character {unread + 1} on: {text}")
        tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        place = match.end()
    return tokens


def _plain(token: _Token) -> str:
    """The text that a token stands for, without quotes and escapes."""
    if token.kind != "string":
        return token.text
    return re.sub(r"\\(.)", r"\1", token.text[1:-1])
