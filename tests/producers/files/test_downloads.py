"""Which part of a file a Range header asks for."""

from __future__ import annotations

import pytest
from starlette.exceptions import HTTPException

from producers.downloads import Range, wanted


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("bytes=0-3", Range(0, 4)),
        ("bytes=4-", Range(4, 10)),
        ("bytes=-3", Range(7, 10)),
        ("bytes=-99", Range(0, 10)),
        ("bytes=8-99", Range(8, 10)),
        ("bytes=9-9", Range(9, 10)),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,3-4", None),
        ("seconds=0-1", None),
        ("bytes=a-b", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_one_range_is_answered_and_whatever_else_by_the_whole(
    header: str | None, found: Range | None
) -> None:
    assert wanted(header, 10) == found


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0)])
def test_a_range_beyond_the_file_is_refused(header: str, size: int) -> None:
    with pytest.raises(HTTPException) as caught:
        wanted(header, size)
    assert caught.value.status_code == 416
    assert caught.value.headers == {"Content-Range": f"bytes */{size}"}
