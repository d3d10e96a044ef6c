"""Forms as they arrive: cut anywhere, hostile, and never held whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers import UploadInvalid
from producers.multipart import MAX_HEADER, Form, boundary_of


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read(body: bytes, boundary: bytes, *, size: int = 7) -> list[tuple[str, str | None, bytes]]:
    form = Form(in_pieces(body, size), boundary)
    return [
        (part.name, part.file_name, b"".join([chunk async for chunk in part.chunks]))
        async for part in form.parts()
    ]


LIKE_DELIMITERS = [b"\r\n--", b"\r\n--cu", b"\r\n--cut-", b"--\r\n", b"\r"]


@settings(deadline=None)
@given(
    contents=st.lists(
        st.one_of(st.binary(max_size=200), st.sampled_from(LIKE_DELIMITERS)),
        min_size=1,
        max_size=4,
    ),
    size=st.integers(1, 300),
)
def test_what_a_client_sends_is_read_however_it_is_cut(contents: list[bytes], size: int) -> None:
    sent = [("file", (f"n{index}.bin", content)) for index, content in enumerate(contents)]
    request = httpx.Request(
        "POST", "http://x", files=sent, headers={"content-type": "multipart/form-data; boundary=cut-here"}
    )
    body = request.read()
    assert asyncio.run(read(body, boundary_of(request.headers["content-type"]), size=size)) == [
        ("file", name, content) for _, (name, content) in sent
    ]


async def test_no_more_than_a_piece_is_held() -> None:
    async def long() -> AsyncIterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 1_000
        yield b"\r\n--b--\r\n"

    async for part in Form(long(), b"b").parts():
        assert max([len(chunk) async for chunk in part.chunks]) <= 1_100


async def test_a_part_that_nobody_reads_is_passed_over() -> None:
    request = httpx.Request("POST", "http://x", files=[("a", ("a", b"1" * 99)), ("b", ("b", b"2"))])
    body = await request.aread()
    form = Form(in_pieces(body, 10), boundary_of(request.headers["content-type"]))
    assert [part.name async for part in form.parts()] == ["a", "b"]


async def test_a_file_name_is_a_label_in_any_script() -> None:
    head = 'content-disposition: form-data; name="f"; filename="../../Ärger.wav"'.encode()
    assert await read(b"--b\r\n" + head + b"\r\n\r\nx\r\n--b--", b"b") == [("f", "../../Ärger.wav", b"x")]


HEAD = b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "ends within the form"),
        (b"no form at all", "ends within the form"),
        (HEAD + b"half", "ends within the form"),
        (HEAD + b"whole\r\n--b", "ends within the form"),
        (HEAD[:30], "ends within the form"),
        (HEAD + b"x\r\n--bother", "neither a part nor its end"),
        (b"--b\r\n\r\nx\r\n--b--", "has no name"),
        (b"--b\r\ncontent-type: text/plain\r\n\r\nx\r\n--b--", "has no name"),
        (b"--b\r\nx: " + b"y" * 2 * MAX_HEADER + b"\r\n\r\n\r\n--b--", "header of a part is over"),
    ],
)
async def test_a_body_that_is_no_form_says_why(body: bytes, why: str) -> None:
    with pytest.raises(UploadInvalid, match=why):
        await read(body, b"b")


async def test_a_header_without_end_is_not_collected() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"--b\r\n"
        while True:
            sent += 1_000
            yield b"y" * 1_000

    with pytest.raises(UploadInvalid):
        async for _ in Form(endless(), b"b").parts():
            pass
    assert sent <= MAX_HEADER + 2_000


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 71}"],
)
def test_a_form_without_a_delimiter_is_refused(content_type: str) -> None:
    with pytest.raises(UploadInvalid, match="boundary"):
        boundary_of(content_type)
