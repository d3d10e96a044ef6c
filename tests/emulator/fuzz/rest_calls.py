"""Fires the cases of schemathesis, right and wrong ones, at the REST surface, and judges how each ends."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import grpc
import httpx
import schemathesis
from google.protobuf import json_format
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

import emulator.pubsub.rest as pubsub_rest
import emulator.tasks.rest as tasks_rest
from emulator.rest import Route
from emulator.rest.route import Path, Router
from tests.emulator.fuzz.drawing import each_drawn
from tests.emulator.fuzz.ground import Ground, Violation
from tests.emulator.fuzz.openapi import document
from tests.emulator.fuzz.served import Call, calls_of_pubsub, calls_of_tasks

_ROUTES = (*tasks_rest.ROUTES, *pubsub_rest.ROUTES)
_DEFINED_FAILURES = (501,)
"""Statuses over 499 that answer a request: what is not served. 503 and 504 need a cause besides."""
_STATUSES = {code.name for code in grpc.StatusCode} | {"METHOD_NOT_ALLOWED"}

Wire = tuple[bytes, dict[str, str]]
"""A body, and headers that belong to it."""


def _cut(wire: Wire) -> Wire:
    return wire[0][: len(wire[0]) // 2], wire[1]


def _deep(wire: Wire) -> Wire:
    return b'{"labels":' * 3000 + wire[0], wire[1]


def _huge_number(wire: Wire) -> Wire:
    return wire[0].replace(b"0", b"9" * 5000, 1), wire[1]


def _not_a_number(wire: Wire) -> Wire:
    return wire[0].replace(b"1", b"NaN", 1), wire[1]


def _no_utf8(wire: Wire) -> Wire:
    return wire[0].replace(b"a", b"\xff\xed\xa0\x80", 1), wire[1]


def _half_surrogate(wire: Wire) -> Wire:
    return wire[0].replace(b'"a', rb'"\ud800', 1), wire[1]


def _zipped(wire: Wire) -> Wire:
    return gzip.compress(wire[0]), {**wire[1], "Content-Encoding": "gzip"}


def _badly_zipped(wire: Wire) -> Wire:
    return wire[0], {**wire[1], "Content-Encoding": "gzip"}


def _same(wire: Wire) -> Wire:
    return wire


_BREAKS: list[Callable[[Wire], Wire]] = [
    *[_same] * 24,
    *[_cut, _deep, _huge_number, _not_a_number, _no_utf8, _half_surrogate, _zipped, _badly_zipped],
]
"""What is done to a body on its way; schemathesis breaks its JSON values, these its text."""


async def fuzz_rest(ground: Ground, cases: int, *, seed: int | None = None) -> None:
    """Fire `cases` requests; what goes wrong is in the ground's findings. Without a seed always the same."""
    emulator = ground.emulator
    calls = {call.method: call for call in (*calls_of_tasks(emulator), *calls_of_pubsub(emulator))}
    written = document(_ROUTES, tasks_rest.BUFFER_PATHS, calls)
    schema = await asyncio.to_thread(
        schemathesis.openapi.from_dict, written
    )  # looks for a configuration file
    right = schema.as_strategy(generation_mode=GenerationMode.POSITIVE)
    wrong = schema.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @st.composite
    def drawn(draw: st.DrawFn) -> tuple[Case[Any], list[Callable[[Wire], Wire]]]:
        case = draw(wrong if draw(st.integers(0, 2)) == 0 else right)
        return case, draw(st.lists(st.sampled_from(_BREAKS), min_size=1, max_size=2))

    async with httpx.AsyncClient(base_url=f"http://{emulator.addresses.http}", timeout=60) as client:

        async def fire(case: tuple[Case[Any], list[Callable[[Wire], Wire]]]) -> None:
            request = _request(client, *case)
            if request is not None:
                await _fire(ground, client, request, calls)

        await each_drawn(drawn(), fire, count=cases, seed=seed)


def _request(
    client: httpx.AsyncClient, case: Case[Any], breaks: list[Callable[[Wire], Wire]]
) -> httpx.Request | None:
    """None for what HTTP cannot carry."""
    body = case.body
    if isinstance(body, bytes):
        wire: Wire = (body, {})
    elif isinstance(body, str | int | float | list | dict | bool) or body is None:
        wire = (json.dumps(body).encode(), {"Content-Type": "application/json"})
    else:
        wire = (b"", {})  # not set
    content, headers = reduce(lambda done, each: each(done), breaks, wire)
    try:
        return client.build_request(
            case.method, case.formatted_path, params=case.query or None, content=content, headers=headers
        )
    except (httpx.InvalidURL, TypeError, UnicodeError):
        return None


async def _fire(
    ground: Ground, client: httpx.AsyncClient, request: httpx.Request, calls: Mapping[str, Call]
) -> None:
    route = _route_of(request)
    name = route.method if route else f"{request.method} elsewhere"
    status, what = 0, ""
    try:
        answer = await ground.answer_to(client.send(request))
        status = answer.status_code
        what = _wrong_with(answer, calls.get(name))
    except (httpx.HTTPError, TimeoutError) as error:
        what = f"{type(error).__name__}: {error}"
    if what:
        case = f"{request.method} {request.url} {dict(request.headers)} {request.content[:1000]!r}"
        ground.findings.violations.append(Violation(f"{name}: {what}", case))
    await ground.ended(name, str(status))


def _route_of(request: httpx.Request) -> Route | None:
    found = Router(_ROUTES).find(Path.parse(request.url.raw_path.partition(b"?")[0].decode("latin-1")))
    return next((route for route, _ in found if route.verb == request.method), None)


def _wrong_with(answer: httpx.Response, call: Call | None) -> str:
    """Empty for an answer that the API defines."""
    if answer.status_code >= 500 and answer.status_code not in _DEFINED_FAILURES:
        return f"answered {answer.status_code}: {answer.text[:500]}"
    if answer.status_code in (204, 307) and not answer.content:
        return ""  # OPTIONS; the path of the console with a slash
    try:
        value: Any = answer.json()
    except ValueError:
        return f"answered {answer.status_code} with no JSON: {answer.text[:500]}"
    if answer.is_success:
        return _wrong_with_success(value, call)
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or error.get("code") != answer.status_code:
        return f"answered {answer.status_code} with another error: {answer.text[:500]}"
    if error.get("status") not in _STATUSES or not error.get("message"):
        return f"answered no error of Google's: {answer.text[:500]}"
    return ""


def _wrong_with_success(value: Any, call: Call | None) -> str:
    if call is None:
        return ""  # a health check, a buffered task
    try:
        json_format.ParseDict(value, call.response())
    except json_format.ParseError as error:
        return f"answered no {call.response.DESCRIPTOR.full_name}: {error}"
    return ""
