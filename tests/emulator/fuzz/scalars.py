"""Draws values of protobuf's scalar fields, the extreme ones often; it knows no message."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import strategies as st

from tests.emulator.fuzz.resource_names import resource_names

_ODD_TEXTS = [
    "",
    " ",
    "\x00",
    "\r\nX-Evil: 1",
    "é\N{SNOWMAN}\N{PILE OF POO}\ufeff\u202e",
    "%",
    "%zz%00",
    "../../etc",
    "'; DROP TABLE tasks; --",
    "{}[]\"\\",
    "NaN",
    "-1",
    "x" * 3000,
    "é" * 50_000,
]
TEXTS = st.one_of(
    st.sampled_from(["a", "b", "key", "value", *_ODD_TEXTS]), st.text(st.characters(codec="utf-8"), max_size=20)
)
_URLS = st.sampled_from(
    [
        *["http://target.example/path?a=1"] * 6,
        *["https://target.example:8443/"] * 2,
        "http://",
        "https://[::1",
        "http://[fe80::1%25eth0]/",
        "http://target.example:99999/",
        "http://target.example:port/",
        "http://user:secret@target.example/",
        "http://target.example/%zz",
        "http://target.example/é?ü=\N{SNOWMAN}#ß",
        "http://target.example/a b\tc\r\nd",
        "http://\N{SNOWMAN}.example/",
        "http://" + "a" * 300 + ".example/",
        "http://" + "a." * 1000 + "example/",
        "HTTP://TARGET.EXAMPLE",
        "http:///path",
        "http://?",
        "ftp://target.example/",
        "//target.example",
        "http://target.example/" + "x" * 2100,
    ]
)
_HEADER_NAMES = st.sampled_from(
    [
        *["X-Own", "Content-Type", "Authorization", "Accept", "Cookie"] * 2,
        *["Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "User-Agent"],
        *["X-CloudTasks-QueueName", "X-Google-Own", "goog-own", "x-goog-version"],
        *["", " ", "a b", "a:b", "é", "\x00", "X\r\nY", "x" * 300],
    ]
)
_HEADER_VALUES = st.sampled_from(["v1", "text/plain", "gzip", "chunked", "100-continue", "-1", "9" * 30])
_FILTERS = st.sampled_from(
    [
        "",
        "state: PAUSED",
        'attributes.key = "value"',
        'attributes:key AND NOT hasPrefix(attributes.key, "v")',
        "NOT " * 500 + "attributes:key",
        "(" * 3000,
        "(" * 200 + "attributes:key" + ")" * 200,
        'attributes.key = "unclosed',
        "rateLimits.maxBurstSize > 1e999",
        "name = -" * 200,
    ]
)
_TOKENS = st.sampled_from(
    [
        "",
        "!",
        "====",
        *(
            base64.urlsafe_b64encode(each).decode()
            for each in (b"", b"[]", b"[1,2,3]", b'["a",1e999,"x"]', b"[" * 2000, b"\xff\xfe", b"NaN", b"a" * 9000)
        ),
    ]
)
_ACK_IDS = st.one_of(
    st.sampled_from(["", "0-0-0", "1-1-1-1", "9" * 40 + "-1-1", "999999999999999999-1-1"]),
    st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 3)).map(lambda ids: "{}-{}-{}".format(*ids)),
)
_BY_NAME: Mapping[str, st.SearchStrategy[str]] = {
    "ack_ids": _ACK_IDS,
    "filter": st.one_of(_FILTERS, _FILTERS, TEXTS),
    "host": st.one_of(st.sampled_from(["other.example", "[::1]", "a" * 300, "x..y", "*"]), TEXTS),
    "modify_deadline_ack_ids": _ACK_IDS,
    "page_token": st.one_of(_TOKENS, _TOKENS, TEXTS),
    "path": st.one_of(st.just("/other"), TEXTS),
    "push_endpoint": _URLS,
    "query_params": st.one_of(st.just("b=2"), TEXTS),
    "relative_uri": st.one_of(st.sampled_from(["/", "/work?a=1", "//x", "/%zz", "/é"]), TEXTS),
    "service_account_email": st.one_of(st.just("me@sidelane-local.iam.gserviceaccount.com"), TEXTS),
    "url": st.one_of(_URLS, _URLS, _URLS, TEXTS),
}
_DOUBLES = [0.0, -0.0, 1.0, 0.5, 500.0, 501.0, -1.0, math.nan, math.inf, -math.inf, 5e-324, 1.7e308]
_BYTES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"{}", b"\x00\xff" * 10, b"x" * 100_000, b"x" * 1_048_000, b"x" * 1_100_000]),
)


@cache
def scalars(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Values that the field, or an item of it, takes; enums of numbers without a name among them."""
    if field.enum_type is not None:
        numbers = [value.number for value in field.enum_type.values]
        return st.sampled_from(numbers * 3 + [-1, 99, 2**31 - 1])
    return _STRATEGIES[field.type](field)


def map_keys(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Keys of the map `field`, which look like headers where they are strings."""
    key: FieldDescriptor = field.message_type.fields_by_name["key"]
    return st.one_of(_HEADER_NAMES, TEXTS) if key.type == FieldDescriptor.TYPE_STRING else scalars(key)


def _text(field: FieldDescriptor) -> st.SearchStrategy[str]:
    if field.containing_type.GetOptions().map_entry:
        return st.one_of(_HEADER_VALUES, TEXTS)
    names = resource_names(field)
    return _BY_NAME.get(field.name, TEXTS) if names is None else names


def _whole(low: int, high: int) -> Callable[[FieldDescriptor], st.SearchStrategy[int]]:
    usual: Sequence[int] = [0, 1, 2, 5, 10, 15, 60, 100, 600, 1000, 65_535]
    extremes = [low, low + 1, high - 1, high, -1] if low else [high, high - 1]
    values = st.one_of(st.sampled_from([*usual, *usual, *extremes]), st.integers(low, high))
    return lambda _: values


def _fixed(values: st.SearchStrategy[Any]) -> Callable[[FieldDescriptor], st.SearchStrategy[Any]]:
    return lambda _: values


_int32, _int64 = _whole(-(2**31), 2**31 - 1), _whole(-(2**63), 2**63 - 1)
_uint32, _uint64 = _whole(0, 2**32 - 1), _whole(0, 2**64 - 1)
_STRATEGIES: Mapping[int, Callable[[FieldDescriptor], st.SearchStrategy[Any]]] = {
    FieldDescriptor.TYPE_BOOL: _fixed(st.booleans()),
    FieldDescriptor.TYPE_BYTES: _fixed(_BYTES),
    FieldDescriptor.TYPE_DOUBLE: _fixed(st.one_of(st.sampled_from(_DOUBLES), st.floats())),
    FieldDescriptor.TYPE_FIXED32: _uint32,
    FieldDescriptor.TYPE_FIXED64: _uint64,
    FieldDescriptor.TYPE_FLOAT: _fixed(st.floats(width=32)),
    FieldDescriptor.TYPE_INT32: _int32,
    FieldDescriptor.TYPE_INT64: _int64,
    FieldDescriptor.TYPE_SFIXED32: _int32,
    FieldDescriptor.TYPE_SFIXED64: _int64,
    FieldDescriptor.TYPE_SINT32: _int32,
    FieldDescriptor.TYPE_SINT64: _int64,
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_UINT32: _uint32,
    FieldDescriptor.TYPE_UINT64: _uint64,
}
