"""What follows a redirect: method, body, headers, and where it may not lead."""

from __future__ import annotations

import pytest

from emulator.engine.exchange import HttpRequest, Response
from emulator.engine.redirects import MAX_HOPS, Answer, followed, redirected

REQUEST = HttpRequest(
    method="POST",
    url="https://handlers.example/a/b?c=1",
    headers={
        "Authorization": "Bearer t",
        "content-type": "text/plain",
        "Cookie": "a=1",
        "X-CloudTasks-TaskName": "t",
        "X-Mine": "1",
    },
    body=b"payload",
    follow_redirects=True,
)


def to(location: str | None, status: int = 302) -> Answer:
    return Answer(Response(status), location)


@pytest.mark.parametrize(
    ("status", "method", "expected", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "PUT", "GET", b""),
        (303, "DELETE", "GET", b""),
        (302, "HEAD", "HEAD", b""),
        (307, "POST", "POST", b"payload"),
        (308, "PATCH", "PATCH", b"payload"),
    ],
)
def test_method_and_body(status: int, method: str, expected: str, body: bytes) -> None:
    request = HttpRequest(method=method, url=REQUEST.url, headers=REQUEST.headers, body=b"payload")
    following = redirected(request, to("/x", status))
    assert following is not None
    assert (following.method, following.url, following.body) == (expected, "https://handlers.example/x", body)
    assert ("content-type" in following.headers) == bool(body)
    assert following.headers["Authorization"] == "Bearer t"
    assert following.headers["X-CloudTasks-TaskName"] == "t"


@pytest.mark.parametrize(
    "location",
    ["https://other.example/x", "http://handlers.example/x", "https://handlers.example:8443/x", "//evil/x"],
)
def test_what_is_meant_for_one_origin_does_not_leave_it(location: str) -> None:
    following = redirected(REQUEST, to(location, 307))
    assert following is not None
    assert following.headers == {"content-type": "text/plain", "X-Mine": "1"}
    back = redirected(following, to("https://handlers.example/x", 307))
    assert back is not None
    assert "Authorization" not in back.headers


def test_the_default_port_is_the_same_origin() -> None:
    following = redirected(REQUEST, to("https://handlers.example:443/x"))
    assert following is not None
    assert "Authorization" in following.headers


@pytest.mark.parametrize(
    "answer",
    [
        to(None),
        to("/x", 200),
        to("/x", 300),
        to("/x", 304),
        to("ftp://handlers.example/x"),
        to("file:///etc/passwd"),
        to("http://[broken"),
        to("http://handlers.example:port/"),
    ],
)
def test_what_is_not_followed(answer: Answer) -> None:
    assert redirected(REQUEST, answer) is None


async def test_hops_are_bounded_and_only_followed_on_request() -> None:
    sent: list[str] = []

    async def exchange(request: HttpRequest) -> Answer:
        sent.append(request.url)
        return to(f"/{len(sent)}")

    assert await followed(REQUEST, exchange) == Response(302)
    assert len(sent) == 1 + MAX_HOPS
    sent.clear()
    plain = HttpRequest(method="POST", url=REQUEST.url, headers={}, body=b"")
    assert await followed(plain, exchange) == Response(302)
    assert sent == [REQUEST.url]
