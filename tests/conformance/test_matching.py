"""The suite's own matching: what counts as different, and what variables become."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.matching import differences, filled


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": "<absent>"}, {"b": 2}),
        ({"a": "<any>"}, {"a": [1]}),
        ({"a": "/x.*/"}, {"a": "xyz"}),
        ([{"a": 1}], [{"a": 1, "b": 2}]),
    ],
)
def test_as_expected(expected: Any, actual: Any) -> None:
    assert differences(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual", "line"),
    [
        ({"a": 1}, {"a": 2}, "a: 2 is not 1"),
        ({"a": 1}, {}, "a: missing"),
        ({"a": "<any>"}, {}, "a: missing"),
        ({"a": "<absent>"}, {"a": 0}, "a: 0 is there"),
        ({"a": {"b": "/x/"}}, {"a": {"b": "xy"}}, "a.b: 'xy' is not /x/"),
        ({"a": [1]}, {"a": [1, 2]}, "a: [1, 2] is not [1]"),
        ([{"a": 1}], [{"a": 2}], "[0].a: 2 is not 1"),
        ({"answer": None}, {"answer": {}}, "answer: {} is not None"),
    ],
)
def test_differences(expected: Any, actual: Any, line: str) -> None:
    assert differences(expected, actual) == [line]


def test_variables() -> None:
    value = {"$a": ["$a/x", "$unknown", "${in 60}", "${chars 3}", "${bytes 1}", 5]}
    assert filled(value, {"a": "A"}, now=0) == {
        "A": ["A/x", "$unknown", "1970-01-01T00:01:00Z", "aaa", "AA==", 5]
    }
    assert filled({"$repeat": [2, "$a$i"]}, {"a": "A"}, now=0) == ["A0", "A1"]
