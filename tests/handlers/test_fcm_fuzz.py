"""Whatever is answered in FCM's place has a meaning, and no device is forgotten by mistake."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from httpx import Headers
from hypothesis import given

from handlers.delivery import Busy
from handlers.fcm_message import LONGEST_PAUSE, QUOTA_PAUSE, DeviceGone, judge
from lanes import Answer

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
STATUSES = st.sampled_from([200, 204, 301, 400, 401, 403, 404, 413, 429, 500, 503])
WORDS = st.sampled_from(
    ["NOT_FOUND", "UNREGISTERED", "INVALID_ARGUMENT", "QUOTA_EXCEEDED", "message.token", "registration token"]
)
KEYS = st.sampled_from(
    ["error", "status", "message", "details", "@type", "errorCode", "fieldViolations", "field"]
)
JSON = st.recursive(
    st.none() | st.integers() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
BODIES = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
DATES = st.from_regex(
    r"[A-Z][a-z]{2}, [0-9]{1,3} (Nov|Foo) [0-9]{1,6} [0-9]{1,25}:[0-9]{2}:00 (GMT|[+-][0-9]{4})",
    fullmatch=True,
)
WAITS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30) | DATES


@given(status=STATUSES, body=BODIES, wait=WAITS)
def test_every_answer_has_a_meaning(status: int, body: bytes, wait: str) -> None:
    end = judge(
        Answer(status=status, headers=Headers({"retry-after": wait}), body=body, truncated=False), NOW
    )
    if isinstance(end, Busy):
        assert QUOTA_PAUSE <= end.until - NOW <= LONGEST_PAUSE
    if isinstance(end, DeviceGone):
        error = json.loads(body)["error"]  # it was said, in FCM's own form
        said = json.dumps(error)
        assert status >= 300
        assert any(word in said for word in ("UNREGISTERED", "NOT_FOUND", "INVALID_ARGUMENT"))


@given(seconds=st.integers(min_value=0, max_value=10**30))
def test_a_quota_never_parks_for_longer_than_an_hour(seconds: int) -> None:
    headers = Headers({"retry-after": str(seconds)})
    end = judge(Answer(status=429, headers=headers, body=b"", truncated=False), NOW)
    assert isinstance(end, Busy)
    assert end.until == NOW + min(max(timedelta(seconds=min(seconds, 10**6)), QUOTA_PAUSE), LONGEST_PAUSE)
