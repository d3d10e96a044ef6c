"""Which parts of a task's URL a queue replaces."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.engine.uri_override import UriOverride

FULL = "https://www.example.com:8443/example/a%2Fb?x=1&y"


@pytest.mark.parametrize(
    ("url", "override", "expected"),
    [
        (FULL, {}, FULL),
        ("https://www.google.com", {"host": "example.net"}, "https://example.net"),
        ("https://www.example.com/example", {"port": 123}, "https://www.example.com:123/example"),
        (FULL, {"port": 0}, "https://www.example.com/example/a%2Fb?x=1&y"),
        (FULL, {"scheme": "http", "host": "[::1]"}, "http://[::1]:8443/example/a%2Fb?x=1&y"),
        (FULL, {"path": "/other"}, "https://www.example.com:8443/other?x=1&y"),
        (FULL, {"path": "other"}, "https://www.example.com:8443/other?x=1&y"),
        (FULL, {"path": ""}, "https://www.example.com:8443?x=1&y"),
        (FULL, {"query": "z=2"}, "https://www.example.com:8443/example/a%2Fb?z=2"),
        (FULL, {"query": "", "path": ""}, "https://www.example.com:8443"),
        ("http://me:pw@h/p#frag", {"host": "other"}, "http://me:pw@other/p"),
        ("http://[::1]:80/p", {"host": "other"}, "http://other:80/p"),
        ("", {"host": "h"}, "https://h"),
        ("", {"host": "h", "scheme": "http", "port": 81, "path": "/p", "query": "q=1"}, "http://h:81/p?q=1"),
        ("http://h/%zz\n%", {"port": 81}, "http://h:81/%zz\n%"),
    ],
)
def test_always(url: str, override: dict[str, Any], expected: str) -> None:
    assert UriOverride(**override).apply(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (FULL, FULL),
        ("http://h", "http://h:81/q?q=1"),
        ("http://h/p", "http://h:81/p?q=1"),
        ("http://h:1?x", "http://h:1/q?x"),
        ("", "https://q.example:81/q?q=1"),
    ],
)
def test_only_where_the_task_says_nothing(url: str, expected: str) -> None:
    override = UriOverride(
        scheme="https", host="q.example", port=81, path="/q", query="q=1", only_where_missing=True
    )
    assert override.apply(url) == expected
