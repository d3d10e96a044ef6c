"""What the answer of a webhook's receiver means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from httpx import Headers

from handlers.delivery import Reason, Returned, TargetFailed, TargetRefused
from handlers.webhook_request import judge
from lanes import Answer

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def answer(status: int, **headers: str) -> Answer:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(status=status, headers=named, body=b"", truncated=False)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_taken(status: int) -> None:
    assert judge(answer(status, webhook_delivery="abort-message"), NOW) == Returned()


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 408, 425, 429, 500, 502, 503, 504, 600])
def test_everything_else_failed(status: int) -> None:
    assert judge(answer(status, location="/x"), NOW) == TargetFailed(f"answered {status}")


def test_410_is_gone_and_a_header_may_abort_or_disable() -> None:
    ends = [
        judge(answer(status, webhook_delivery=asked), NOW)
        for status, asked in ((410, ""), (500, " Abort-Message"), (410, "abort-message"), (410, "Disable"))
    ]
    reasons = [end.reason for end in ends if isinstance(end, TargetRefused)]
    assert reasons == [Reason.GONE, Reason.ABORTED, Reason.GONE, Reason.ENDPOINT_DISABLED]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Sun, 01 Nov 2026 12:01:30 GMT", 90),
        ("Sun, 01 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 01 Nov 2026 12:01:30", 90),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("9" * 400, 10**9),
    ],
)
def test_retry_after_in_its_forms(value: str, seconds: int | None) -> None:
    end = judge(answer(503, retry_after=value), NOW) if value != "²" else None
    if end is None:  # not ASCII: cannot travel in a header, so only the reading of it is asked
        end = judge(
            Answer(status=503, headers=Headers([(b"retry-after", b"\xb2")]), body=b"", truncated=False), NOW
        )
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert end == TargetFailed("answered 503", retry_after=expected)
