"""Follows redirects within one attempt: which answers are followed and with what request; it sends nothing.

That a redirect may be followed without counting as an attempt is what the service documents. What is sent on
is what browsers and Go's client do: 307 and 308 keep method and body, the others become a GET.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from urllib.parse import urldefrag, urljoin, urlsplit

from emulator.engine.exchange import End, HttpRequest, Response

MAX_HOPS = 5

_KEEP_METHOD = frozenset({307, 308})
_BECOME_GET = frozenset({301, 302, 303})
_OF_ONE_ORIGIN = frozenset({"authorization", "cookie", "proxy-authorization"})
_INJECTED = ("x-cloudtasks-", "x-appengine-")
_OF_A_BODY = frozenset({"content-type", "content-encoding", "content-length", "content-language"})
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """How one exchange ended, and the answer's Location header."""

    end: End
    location: str | None = None


async def followed(request: HttpRequest, exchange: Callable[[HttpRequest], Awaitable[Answer]]) -> End:
    """Send by `exchange` until an answer is no redirect that can be followed, and return that end.

    A redirect without a Location that is an HTTP URL, and the sixth one, are answers as they are.
    """
    for _ in range(MAX_HOPS):
        answer = await exchange(request)
        following = redirected(request, answer) if request.follow_redirects else None
        if following is None:
            return answer.end
        request = following
    return (await exchange(request)).end


def redirected(request: HttpRequest, answer: Answer) -> HttpRequest | None:
    """The request that follows this answer, or None. What is meant for one origin does not leave it."""
    if not isinstance(answer.end, Response) or answer.location is None:
        return None
    status = answer.end.status
    if status not in _KEEP_METHOD | _BECOME_GET:
        return None
    try:
        url = urldefrag(urljoin(request.url, answer.location)).url
        same_origin = _origin(url) == _origin(request.url)
    except ValueError:  # no URL at all
        return None
    if urlsplit(url).scheme not in _PORTS:
        return None
    headers = {name: value for name, value in request.headers.items() if same_origin or not _stays(name)}
    if status in _KEEP_METHOD:
        return replace(request, url=url, headers=headers)
    return replace(
        request,
        url=url,
        method="HEAD" if request.method == "HEAD" else "GET",
        headers={name: value for name, value in headers.items() if name.lower() not in _OF_A_BODY},
        body=b"",
    )


def _stays(name: str) -> bool:
    lowered = name.lower()
    return lowered in _OF_ONE_ORIGIN or lowered.startswith(_INJECTED)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
