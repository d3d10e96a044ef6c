"""Draws values of protobuf's scalar fields, usual and odd ones; it knows no message."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

from tests.emulator.fuzz.texts import odd_map_keys, odd_texts, usual_map_keys, usual_texts

_USUAL_WHOLE = st.sampled_from([10, 10, 10, 60, 1, 0, 100])
"""10 is an allowed value of each number that the two APIs have."""
_WHOLE_RANGES = {
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}
_EXTREME_DOUBLES = [-0.0, 501.0, -1.0, math.nan, math.inf, -math.inf, 5e-324, 1e-9, 1.7e308]
_USUAL: Mapping[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: st.sampled_from([b"x", b"{}", b"\x00\xff"]),
    FieldDescriptor.TYPE_DOUBLE: st.sampled_from([0.5, 1.0, 0.25]),
    FieldDescriptor.TYPE_FLOAT: st.sampled_from([0.5, 1.0, 0.25]),
    **dict.fromkeys(_WHOLE_RANGES, _USUAL_WHOLE),
}
_ODD: Mapping[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"", b"x" * 100_000, b"x" * 1_048_000, b"x" * 1_100_000]),
    ),
    FieldDescriptor.TYPE_DOUBLE: st.one_of(st.sampled_from(_EXTREME_DOUBLES), st.floats()),
    FieldDescriptor.TYPE_FLOAT: st.floats(width=32),
    **{
        kind: st.one_of(
            st.sampled_from([low, low + 1, -1 if low else 0, high - 1, high]), st.integers(low, high)
        )
        for kind, (low, high) in _WHOLE_RANGES.items()
    },
}


@cache
def scalars(field: FieldDescriptor, *, odd: bool) -> st.SearchStrategy[Any]:
    """Values that the field, or an item of it, takes; odd enums are numbers without a name."""
    if field.enum_type is not None:
        return st.sampled_from(
            [-1, 99, 2**31 - 1] if odd else [each.number for each in field.enum_type.values]
        )
    if field.type == FieldDescriptor.TYPE_STRING:
        return odd_texts(field) if odd else usual_texts(field)
    return _ODD[field.type] if odd else _USUAL[field.type]


def map_keys(field: Any, *, odd: bool) -> st.SearchStrategy[Any]:
    """Keys of the map `field`."""
    key: FieldDescriptor = field.message_type.fields_by_name["key"]
    if key.type == FieldDescriptor.TYPE_STRING:
        return odd_map_keys() if odd else usual_map_keys()
    return scalars(key, odd=odd)
