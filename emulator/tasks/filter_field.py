"""Compares one field of a message with a value of a filter, by the field's type; it knows no syntax.

Where a field is not set, no comparison holds, `!=` included, as google.aip.dev/160 says of a path that ends
early. Strings are equal as they are; `:` on a string is "contains", whatever the case.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from emulator.errors import InvalidArgumentError
from emulator.tasks.messages import seconds_of

_DURATION = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?s")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_CAPITAL = re.compile(r"[A-Z]")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUALITY = ("=", "!=", ":")
_NUMBERS = frozenset(
    {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT32}
    | {FieldDescriptor.CPPTYPE_UINT64, FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE}
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its path from the message. A map's entry is the map's field with `key`."""

    path: str
    steps: tuple[Any, ...]
    key: str | None = None

    @property
    def descriptor(self) -> Any:
        """Of the last field; of a map's values, where there is a key."""
        last = self.steps[-1]
        return last if self.key is None else last.message_type.fields_by_name["value"]

    def values(self, message: Any) -> list[Any]:
        """What is there: none, one, or those of a repeated field."""
        for step in self.steps[:-1]:
            if not message.HasField(step.name):
                return []
            message = getattr(message, step.name)
        last = self.steps[-1]
        if last.has_presence and not message.HasField(last.name):
            return []
        value = getattr(message, last.name)
        if self.key is not None:
            return [value[self.key]] if self.key in value else []
        return list(value) if last.is_repeated else [value]


def find_field(descriptor: Any, path: Sequence[str]) -> Field:
    """The field at `path`, its names in snake or camel case. Raises InvalidArgumentError."""
    steps: list[Any] = []
    inside = descriptor
    for place, name in enumerate(path):
        if steps and _is_map(steps[-1]) and place == len(path) - 1:
            return Field(".".join(path), tuple(steps), name)
        fields = {} if inside is None or (steps and steps[-1].is_repeated) else inside.fields_by_name
        field = fields.get(name) or fields.get(_snake_case(name))
        if field is None:
            raise InvalidArgumentError(
                f"The filter names '{'.'.join(path)}', which is no field of a {descriptor.name}: "
                f"give one of {', '.join(descriptor.fields_by_name)}, or a field inside one."
            )
        steps.append(field)
        inside = field.message_type
    return Field(".".join(path), tuple(steps))


def compared(field: Field, operator_: str, text: str, *, is_any: bool) -> Callable[[Any], bool]:
    """Whether the field of a message compares so with the value `text`; with `is_any`, whether it is set.

    Raises InvalidArgumentError for a comparison that the field's type does not have.
    """
    if operator_ not in _ORDERS:
        raise InvalidArgumentError(f"The filter compares by {operator_}: give one of {' '.join(_ORDERS)}.")
    if is_any and operator_ == ":":
        return lambda message: any(_is_set(value) for value in field.values(message))
    descriptor = field.descriptor
    if _is_map(descriptor) and operator_ == ":":
        return lambda message: text in field.values(message)
    wanted, read = _value(field, text)
    if descriptor.enum_type is not None and operator_ not in _EQUALITY:
        raise InvalidArgumentError(f"The filter orders {field.path} by {operator_}: give = or != instead.")
    if operator_ == ":" and isinstance(wanted, str):
        part = wanted.casefold()
        return lambda message: any(part in value.casefold() for value in field.values(message))
    holds = _ORDERS[operator_]
    return lambda message: any(holds(read(value), wanted) for value in field.values(message))


def _value(field: Field, text: str) -> tuple[Any, Callable[[Any], Any]]:
    """`text` as a value of the field's type, and how one of a message is read to compare with it."""
    descriptor = field.descriptor
    if descriptor.enum_type is not None:
        numbers = {value.name: value.number for value in descriptor.enum_type.values}
        if text not in numbers:
            raise _no_value(field, text, f"one of {', '.join(numbers)}")
        return numbers[text], int
    if descriptor.message_type is not None:
        return _message_value(field, text, descriptor.message_type.full_name)
    if descriptor.cpp_type in _NUMBERS:
        if not _NUMBER.fullmatch(text):
            raise _no_value(field, text, "a number")
        return float(text), float
    if descriptor.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text not in {"true", "false"}:
            raise _no_value(field, text, "true or false")
        return text == "true", bool
    return text, str


def _message_value(field: Field, text: str, type_name: str) -> tuple[Any, Callable[[Any], Any]]:
    if type_name == "google.protobuf.Duration":
        if not _DURATION.fullmatch(text):
            raise _no_value(field, text, "a duration in seconds, as 3.5s")
        return float(text[:-1]), seconds_of
    if type_name == "google.protobuf.Timestamp":
        moment = Timestamp()
        try:
            moment.FromJsonString(text)
        except ValueError as exc:
            raise _no_value(field, text, 'a time in quotes, as "2026-01-31T12:00:00Z"') from exc
        return moment.ToNanoseconds(), lambda value: value.ToNanoseconds()
    raise InvalidArgumentError(
        f"The filter compares {field.path}, which has fields of its own: name one of them, "
        f"or give {field.path}:* for whether it is set."
    )


def _no_value(field: Field, text: str, expected: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"The filter compares {field.path} with '{text}': give {expected}.")


def _is_map(descriptor: Any) -> bool:
    message = descriptor.message_type
    return message is not None and bool(message.GetOptions().map_entry)


def _is_set(value: Any) -> bool:
    return bool(value) or hasattr(value, "DESCRIPTOR")  # a message that is there is set, though it be empty


def _snake_case(name: str) -> str:
    return _CAPITAL.sub(lambda capital: "_" + capital[0].lower(), name)
