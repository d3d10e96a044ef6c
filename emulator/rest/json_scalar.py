"""Turns one JSON value into one value of a protobuf field, as Google's services take it; it knows no message.

https://protobuf.dev/programming-guides/json/ says what stands for what.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

_INTEGER = re.compile(r"-?\d{1,20}", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}", re.ASCII)
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LARGEST_FLOAT = 3.4028234663852886e38


class NotThatType(ValueError):
    """The JSON value does not stand for a value of the field's type; the text, if any, says why."""


def is_text(value: str) -> bool:
    """Whether UTF-8 can write it. JSON can spell half a surrogate pair, and protobuf breaks where it looks up
    such a name."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def scalar(field: FieldDescriptor, value: object) -> Any:
    """What to assign to `field`, which is no message. Raises NotThatType."""
    if field.enum_type is not None:
        return _enum(field.enum_type, value)
    return _READERS[field.type](value)


def _integer(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, str | float | int):
            raise NotThatType
        is_whole = _INTEGER.fullmatch(value) if isinstance(value, str) else value == value // 1
        if not is_whole or not low <= int(value) <= high:
            raise NotThatType
        return int(value)

    return read


def _double(value: object) -> float:
    if isinstance(value, str):
        if value in _FLOATS:
            return _FLOATS[value]
        if not value or value != value.strip() or "_" in value:
            raise NotThatType
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise NotThatType
    try:
        number = float(value)
    except (ValueError, OverflowError) as exc:
        raise NotThatType from exc
    if not math.isfinite(number):  # what JSON writes as a number and a double does not hold
        raise NotThatType
    return number


def _float(value: object) -> float:
    number = _double(value)
    if math.isfinite(number) and abs(number) > _LARGEST_FLOAT:
        raise NotThatType
    return number


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):  # as a query parameter has it
        return value == "true"
    raise NotThatType


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise NotThatType
    if not is_text(value):
        raise NotThatType("it holds half a surrogate pair")
    return value


def _bytes(value: object) -> bytes:
    """Base64 of either alphabet, padded or not."""
    if not isinstance(value, str):
        raise NotThatType
    try:
        if not _BASE64.fullmatch(value):
            raise binascii.Error
        plain = value.rstrip("=")
        return base64.urlsafe_b64decode(plain.replace("+", "-").replace("/", "_") + "=" * (-len(plain) % 4))
    except binascii.Error as exc:
        raise NotThatType(f'Base64 decoding failed for "{value[:100]}"') from exc


def _enum(enum: EnumDescriptor, value: object) -> int:
    """A name, or a number, which need not be one of the enum: proto3 keeps those it does not know."""
    if isinstance(value, str) and is_text(value) and value in enum.values_by_name:
        return enum.values_by_name[value].number
    return _int32(value)


_int32 = _integer(-(2**31), 2**31 - 1)
_int64 = _integer(-(2**63), 2**63 - 1)
_uint32 = _integer(0, 2**32 - 1)
_uint64 = _integer(0, 2**64 - 1)

_READERS: Mapping[int, Callable[[object], Any]] = {
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_FLOAT: _float,
    FieldDescriptor.TYPE_INT64: _int64,
    FieldDescriptor.TYPE_UINT64: _uint64,
    FieldDescriptor.TYPE_INT32: _int32,
    FieldDescriptor.TYPE_FIXED64: _uint64,
    FieldDescriptor.TYPE_FIXED32: _uint32,
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_STRING: _string,
    FieldDescriptor.TYPE_BYTES: _bytes,
    FieldDescriptor.TYPE_UINT32: _uint32,
    FieldDescriptor.TYPE_SFIXED32: _int32,
    FieldDescriptor.TYPE_SFIXED64: _int64,
    FieldDescriptor.TYPE_SINT32: _int32,
    FieldDescriptor.TYPE_SINT64: _int64,
}
