"""Random protobuf messages of a given type, whose values lie about where rules have their edges."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_INTEGERS = (0, 1, -1, 5, 9, 10, 60, 600, 601, 1000, 1001, 2**31 - 1, -(2**31))
_WIDE_INTEGERS = (*_INTEGERS, 2**40, 2**62, 2**63 - 1, -(2**63))
_BYTES = (b"", b"x", b"\x00\xff", bytes(2000))
_TEXTS = ("", "x", "ö" * 300, "\n", "a" * 1100, "projects/p", "1-1-1", "labels")
_PRESENT = 0.4  # of a field, by chance
_LIKELY = 0.9  # of a string that the service knows, where there are such
_DEEPEST = 4


class RandomMessages:
    """Fills messages at random. `texts` are likely strings by field name, or by `Message.field`."""

    def __init__(self, chance: random.Random, texts: Mapping[str, Sequence[str]]) -> None:
        self._chance = chance
        self._texts = texts

    def fill(self, message: Message, depth: int = 0) -> None:
        for field in message.DESCRIPTOR.fields:
            is_likely = not field.is_repeated and self._known(field)
            if self._chance.random() > (_LIKELY if is_likely else _PRESENT) or depth > _DEEPEST:
                continue
            if field.is_repeated:
                self._fill_repeated(message, field, depth)
            elif field.message_type is not None:
                getattr(message, field.name).SetInParent()
                self.fill(getattr(message, field.name), depth + 1)
            else:
                setattr(message, field.name, self._value(field))

    def _fill_repeated(self, message: Message, field: Any, depth: int) -> None:
        values: Any = getattr(message, field.name)
        for _ in range(self._chance.choice((0, 1, 1, 2, 5))):
            if field.message_type is None:
                values.append(self._value(field))
            elif not field.message_type.GetOptions().map_entry:
                self.fill(values.add(), depth + 1)
            elif field.message_type.fields_by_name["value"].message_type is None:
                key, value = field.message_type.fields
                values[self._value(key)] = self._value(value)

    def _value(self, field: Any) -> Any:
        choose: Callable[[Sequence[Any]], Any] = self._chance.choice
        kind = field.cpp_type
        if kind == FieldDescriptor.CPPTYPE_STRING:
            return choose(_BYTES) if field.type == FieldDescriptor.TYPE_BYTES else self._text(field)
        if kind in {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}:
            return (
                abs(choose(_WIDE_INTEGERS))
                if kind == FieldDescriptor.CPPTYPE_UINT64
                else choose(_WIDE_INTEGERS)
            )
        if kind in {FieldDescriptor.CPPTYPE_BOOL}:
            return choose((True, False))
        if kind in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
            return choose((0.0, -1.0, 1e300 if kind == FieldDescriptor.CPPTYPE_DOUBLE else 1.0))
        if kind == FieldDescriptor.CPPTYPE_ENUM:
            return choose((0, 1, 2, 99))
        return abs(choose(_INTEGERS)) if kind == FieldDescriptor.CPPTYPE_UINT32 else choose(_INTEGERS)

    def _text(self, field: Any) -> str:
        known = self._known(field)
        return self._chance.choice(known if known and self._chance.random() < _LIKELY else _TEXTS)

    def _known(self, field: Any) -> Sequence[str]:
        own = f"{field.containing_type.name}.{field.name}"
        return self._texts.get(own) or self._texts.get(field.name, ())
