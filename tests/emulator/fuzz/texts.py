"""Draws texts for protobuf's string fields: usual ones, and those that code stumbles over; no more."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.emulator.fuzz.resource_names import odd_names, usual_names

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
    '{}[]"\\',
    "NaN",
    "-1",
    "x" * 3000,
    "é" * 50_000,
]
ODD_TEXTS = st.one_of(st.sampled_from(_ODD_TEXTS), st.text(st.characters(codec="utf-8"), max_size=20))
_USUAL_TEXTS = st.sampled_from(["a", "b", "key", "value"])

_ODD_URLS = [
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
_ODD_HEADER_NAMES = [
    *["Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "User-Agent"],
    *["X-CloudTasks-QueueName", "X-Google-Own", "goog-own", "x-goog-version"],
    *["", " ", "a b", "a:b", "é", "\x00", "X\r\nY", "x" * 300],
]
_USUAL_HEADER_NAMES = ["X-Own", "Content-Type", "Authorization", "Accept", "Cookie"]
_ODD_HEADER_VALUES = ["gzip", "chunked", "100-continue", "-1", "9" * 30]
_ODD_FILTERS = [
    "NOT " * 500 + "attributes:key",
    "(" * 3000,
    "(" * 200 + "attributes:key" + ")" * 200,
    'attributes.key = "unclosed',
    "rateLimits.maxBurstSize > 1e999",
    "name = -" * 200,
]
_ODD_TOKENS = [
    "!",
    "====",
    *(
        base64.urlsafe_b64encode(each).decode()
        for each in (b"[]", b"[1,2,3]", b'["a",1e999,"x"]', b"[" * 2000, b"\xff\xfe", b"NaN", b"a" * 9000)
    ),
]
LATEST_ACK_ID = "latest"
"""Stands for the id of the message that was received last."""
_USUAL_ACK_IDS = st.just(LATEST_ACK_ID)
_ODD_ACK_IDS = st.sampled_from(["", "0-0-0", "1-1-1-1", "9" * 40 + "-1-1", "999999999999999999-1-1"])
_USUAL: Mapping[str, st.SearchStrategy[str]] = {
    "ack_ids": _USUAL_ACK_IDS,
    "filter": st.just(""),
    "host": st.sampled_from(["other.example", "[::1]"]),
    "modify_deadline_ack_ids": _USUAL_ACK_IDS,
    "page_token": st.just(""),
    "path": st.just("/other"),
    "push_endpoint": st.just("http://target.example/push"),
    "relative_uri": st.sampled_from(["/", "/work?a=1"]),
    "url": st.sampled_from(["http://target.example/path?a=1", "https://target.example:8443/"]),
}
_ODD: Mapping[str, st.SearchStrategy[str]] = {
    "ack_ids": _ODD_ACK_IDS,
    "filter": st.sampled_from(_ODD_FILTERS),
    "host": st.sampled_from(["a" * 300, "x..y", "*", "\N{SNOWMAN}"]),
    "modify_deadline_ack_ids": _ODD_ACK_IDS,
    "page_token": st.sampled_from(_ODD_TOKENS),
    "push_endpoint": st.sampled_from(_ODD_URLS),
    "relative_uri": st.sampled_from(["//x", "/%zz", "/é", "/" + "x" * 3000]),
    "url": st.sampled_from(_ODD_URLS),
}


def usual_texts(field: Any) -> st.SearchStrategy[str]:
    """Values of a string field that a call takes."""
    names = usual_names(field)
    return _USUAL.get(field.name, _USUAL_TEXTS) if names is None else st.sampled_from(names)


def odd_texts(field: Any) -> st.SearchStrategy[str]:
    """Values of a string field that make a call difficult, and pass sometimes."""
    if field.containing_type.GetOptions().map_entry:
        return st.one_of(st.sampled_from(_ODD_HEADER_VALUES), ODD_TEXTS)
    if usual_names(field) is not None:
        return odd_names()
    return st.one_of(_ODD[field.name], ODD_TEXTS) if field.name in _ODD else ODD_TEXTS


def usual_map_keys() -> st.SearchStrategy[str]:
    """Keys of a map from strings, which look like headers or attributes."""
    return st.sampled_from(_USUAL_HEADER_NAMES)


def odd_map_keys() -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(_ODD_HEADER_NAMES), ODD_TEXTS)
