"""Reads a subscription's filter and tells which messages pass it; pure, and it delivers nothing.

The language: https://cloud.google.com/pubsub/docs/subscription-message-filter. AND and OR are not mixed
without parentheses, NOT (or -) binds tighter than both, operators are written in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from google.pubsub_v1 import types

from emulator.errors import InvalidArgumentError

LONGEST_FILTER = 256  # bytes
DEEPEST = 32  # parentheses and NOTs within each other

Predicate = Callable[[Mapping[str, str]], bool]
"""Whether a message with these attributes passes."""

Numbered = Sequence[tuple[int, types.PubsubMessage]]
"""Messages with their ids."""

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>!=|[:=.(),-])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_OPERATORS = frozenset({"AND", "OR", "NOT"})


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, string or sign of a filter and where it begins; the filter's end is a sign without text."""

    kind: str
    text: str
    at: int

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def is_word(self, word: str) -> bool:
        return self.kind == "word" and self.text == word


def parse(text: str) -> Predicate:
    """The predicate of a filter; an empty one lets everything through.

    Raises INVALID_ARGUMENT that names the place of the problem.
    """
    if len(text.encode()) > LONGEST_FILTER:
        raise InvalidArgumentError(
            f"Subscription.filter has {len(text.encode())} bytes: give at most {LONGEST_FILTER}."
        )
    if not text.strip():
        return lambda _: True
    return _Parser(text).filter()


def matching(text: str, messages: Numbered) -> Numbered:
    """Those of the messages that pass the filter."""
    if not text:
        return messages
    passes = parse(text)
    return [(id_, message) for id_, message in messages if passes(message.attributes)]


class _Parser:
    """One pass over a filter, by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def filter(self) -> Predicate:
        predicate = self._expression()
        token = self._peek()
        if token.is_word("AND") or token.is_word("OR"):
            self._refuse(token, "AND and OR are mixed: put parentheses around one of them")
        if token.text:
            self._refuse(token, "expected AND, OR or the end")
        return predicate

    def _expression(self) -> Predicate:
        """Terms joined by AND alone, or by OR alone."""
        terms = [self._term()]
        operator = self._peek()
        if operator.is_word("AND") or operator.is_word("OR"):
            while self._peek().is_word(operator.text):
                self._take()
                terms.append(self._term())
        if len(terms) == 1:
            return terms[0]
        together = all if operator.text == "AND" else any
        return lambda attributes: together(term(attributes) for term in terms)

    def _term(self) -> Predicate:
        token = self._take()
        if token.is_word("NOT") or token.is_sign("-"):
            negated = self._deeper(token, self._term)
            return lambda attributes: not negated(attributes)
        if token.is_sign("("):
            inner = self._deeper(token, self._expression)
            self._expect(")")
            return inner
        if token.is_word("hasPrefix"):
            return self._has_prefix()
        if token.is_word("attributes"):
            return self._comparison()
        return self._refuse(token, "expected attributes, hasPrefix, NOT, - or (")

    def _comparison(self) -> Predicate:
        """After `attributes`: `:key`, or `.key = "value"`, or `.key != "value"`."""
        token = self._take()
        if token.is_sign(":"):
            key = self._key()
            return lambda attributes: key in attributes
        if not token.is_sign("."):
            self._refuse(token, "expected : or . after attributes")
        key = self._key()
        operator = self._take()
        if not operator.is_sign("=", "!="):
            self._refuse(operator, "expected = or !=")
        value = self._string()
        if operator.text == "=":
            return lambda attributes: attributes.get(key) == value
        return lambda attributes: attributes.get(key) != value

    def _has_prefix(self) -> Predicate:
        self._expect("(")
        token = self._take()
        if not token.is_word("attributes"):
            self._refuse(token, "expected attributes")
        self._expect(".")
        key = self._key()
        self._expect(",")
        prefix = self._string()
        self._expect(")")
        return lambda attributes: key in attributes and attributes[key].startswith(prefix)

    def _key(self) -> str:
        token = self._take()
        if token.kind == "string":
            return _unquoted(token.text)
        if token.kind == "word" and token.text not in _OPERATORS:
            return token.text
        return self._refuse(
            token, "expected the key of an attribute; quote one with other characters than A-Z a-z 0-9 _"
        )

    def _string(self) -> str:
        token = self._take()
        if token.kind != "string":
            self._refuse(token, 'expected a string in double quotes, such as "value"')
        return _unquoted(token.text)

    def _expect(self, sign: str) -> None:
        token = self._take()
        if not token.is_sign(sign):
            self._refuse(token, f"expected {sign}")

    def _deeper(self, token: _Token, parse_inner: Callable[[], Predicate]) -> Predicate:
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(token, f"more than {DEEPEST} levels of NOT and parentheses")
        inner = parse_inner()
        self._depth -= 1
        return inner

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _refuse(self, token: _Token, problem: str) -> NoReturn:
        raise _invalid(self._text, token.at, problem)


def _tokens(text: str) -> list[_Token]:
    """Ends with a sign that has no text."""
    tokens = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            problem = "the string has no end" if text[at] == '"' else "this character has no meaning here"
            raise _invalid(text, at, problem)
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append(_Token(kind, match.group(), at))
        at = match.end()
    tokens.append(_Token("sign", "", len(text)))
    return tokens


def _unquoted(string: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), string[1:-1])


def _invalid(text: str, at: int, problem: str) -> InvalidArgumentError:
    place = f'at character {at + 1}, "{text[at : at + 20]}"' if at < len(text) else "at its end"
    return InvalidArgumentError(f"Subscription.filter is invalid {place}: {problem}.")
