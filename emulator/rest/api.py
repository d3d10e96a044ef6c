"""Serves an API over REST: finds the call, reads its request, awaits it and writes its answer; no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulator.errors import InvalidArgumentError, RestError
from emulator.grpc_api import Method, Methods, api_error_of
from emulator.rest.answer import answer, as_json, error_answer
from emulator.rest.body import read_body, unzipped
from emulator.rest.raw import RawRequest, RawRoute
from emulator.rest.request import Query, explicit_fields, read_request, wants_enum_numbers
from emulator.rest.route import Path, Route, Router
from emulator.rest.under_way import CallsUnderWay

_MAX_PARAMETERS = 1000
"""In one query."""


@dataclass(frozen=True, slots=True)
class RestStatistics:
    """Requests over REST answered since the start, those of them with an error, and those under way now."""

    answered_total: int
    errors_total: int
    under_way: int


class RestApi:
    """An ASGI application of one API. `methods` are those of gRPC, by service; each route names one of them.

    A body over `body_limit` bytes is answered 413. A query of more than 1,000 parameters is refused.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        methods: Mapping[str, Methods],
        *,
        body_limit: int,
        raw: Iterable[RawRoute] = (),
    ) -> None:
        self._router = Router(routes)
        self._raw = Router(raw)
        self._methods = {route.method: _method(methods, route.method) for route in routes}
        self._body_limit = body_limit
        self._calls = CallsUnderWay()
        self._answered = 0
        self._errors = 0
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._under_way += 1
        try:
            response = await self._respond(Request(scope, receive))
        except ClientDisconnect:
            return
        finally:
            self._under_way -= 1
        self._answered += 1
        self._errors += response.status_code >= 400
        await response(scope, receive, send)

    async def aclose(self) -> None:
        """Take no more calls; those under way have a second to end. Close before the server does."""
        await self._calls.aclose()

    def statistics(self) -> RestStatistics:
        return RestStatistics(self._answered, self._errors, self._under_way)

    async def _respond(self, request: Request) -> Response:
        try:
            return await self._call(request)
        except ClientDisconnect:
            raise
        except RestError as exc:
            return error_answer(exc)
        except Exception as exc:
            return error_answer(api_error_of(exc))

    async def _call(self, request: Request) -> Response:
        raw_path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        path = Path.parse(raw_path.decode("latin-1"))
        query = _query(request)
        for raw_route, variables in self._raw.find(path):
            return await self._call_raw(request, raw_route, variables, query)
        found = self._router.find(path)
        if not found:
            raise RestError(404, "NOT_FOUND", "Method not found.")
        allowed = sorted({route.verb for route, _ in found} | {"OPTIONS"})
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(allowed)})
        verb = "GET" if request.method == "HEAD" else request.method
        for route, variables in found:
            if route.verb == verb:
                return await self._call_route(request, route, variables, query)
        raise RestError(
            405,
            "METHOD_NOT_ALLOWED",
            f"{request.method} is not allowed here: use {' or '.join(allowed)}.",
            headers={"Allow": ", ".join(allowed)},
        )

    async def _call_route(
        self, request: Request, route: Route, variables: Mapping[str, str], query: Query
    ) -> Response:
        request_class, function = self._methods[route.method]
        enum_numbers = wants_enum_numbers(query)
        body = unzipped(request, await read_body(request, self._body_limit), self._body_limit)
        message = read_request(
            request_class, variables=variables, query=query, body=body, body_field=route.body
        )
        given: dict[str, Any] = {}
        if route.explicit:
            given["explicit"] = explicit_fields(getattr(message, route.body).DESCRIPTOR, body)
        result = await self._calls.run(request, lambda: function(message, **given))
        return answer(as_json(result, enum_numbers=enum_numbers))

    async def _call_raw(
        self, request: Request, route: RawRoute, variables: Mapping[str, str], query: Query
    ) -> Response:
        enum_numbers = wants_enum_numbers(query)
        raw_request = RawRequest(
            verb=request.method,
            variables=variables,
            headers=request.headers.items(),
            body=await read_body(request, self._body_limit),
        )
        fields = await self._calls.run(request, lambda: route.function(raw_request))
        return answer({name: as_json(message, enum_numbers=enum_numbers) for name, message in fields.items()})


def _query(request: Request) -> Query:
    try:
        return parse_qsl(
            request.scope["query_string"].decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError as exc:
        raise InvalidArgumentError(f"The query has more than {_MAX_PARAMETERS} parameters.") from exc


def _method(methods: Mapping[str, Methods], path: str) -> tuple[Any, Method]:
    service, _, name = path.partition("/")
    return methods[service][name]
