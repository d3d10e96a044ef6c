"""Turns what went wrong in a request into application/problem+json (RFC 9457). Hides our own faults alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from producers.errors import InvalidIdentity, ProducerError, TaskTooLarge, Unreachable
from producers.request_id import HEADER

_log = logging.getLogger(__name__)

RETRY_AFTER = 5
"""Seconds that a caller is asked to wait while the task service is away."""

OUR_FAULT = "nothing was accepted; the fault is ours and was logged"


class Fault(BaseModel):
    field: str
    """Where: `path`, `query` or `body`, then the way to the value, as in `body.segments.0.text`."""
    message: str


class Problem(BaseModel):
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: Sequence[Fault] = ()
    request_id: str = ""
    """Of this request, as its X-Request-Id tells and the logs know it."""


RESPONSES: dict[int | str, dict[str, object]] = {
    int(status): {"model": Problem, "description": status.phrase}
    for status in (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
}
"""For the OpenAPI document of routers that enqueue."""


def answer_problems(app: FastAPI) -> None:
    """Make every error of this application a problem document."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [
            Fault(field=".".join(str(part) for part in fault["loc"]), message=fault["msg"])
            for fault in error.errors()
        ]
        return problem(422, f"{faults[0].field}: {faults[0].message}", faults=faults, request=request)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, error.detail, headers=error.headers, request=request)

    @app.exception_handler(InvalidIdentity)
    async def unnamed(request: Request, error: InvalidIdentity) -> Response:
        return problem(422, str(error), request=request)

    @app.exception_handler(TaskTooLarge)
    async def too_large(request: Request, error: TaskTooLarge) -> Response:
        return problem(
            413,
            f"{error.size} bytes as a task, at most {error.limit} are carried; send less at once",
            request=request,
        )

    @app.exception_handler(Unreachable)
    async def unreachable(request: Request, error: Unreachable) -> Response:
        _log.warning("%s", error)
        return problem(
            503,
            "the task service is away and nothing was accepted; send the same again",
            headers={"Retry-After": str(RETRY_AFTER)},
            request=request,
        )

    @app.exception_handler(ProducerError)
    async def ours(request: Request, error: ProducerError) -> Response:
        _log.error("a task could not be enqueued", exc_info=error)
        return problem(500, OUR_FAULT, request=request)

    @app.exception_handler(Exception)
    async def bug(request: Request, _: Exception) -> Response:
        return problem(500, OUR_FAULT, request=request)  # the server raises it again and logs it


def problem(
    status: int,
    detail: str,
    *,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
    request: HTTPConnection | None = None,
) -> Response:
    """An answer that says what was wrong; `detail` is for whoever called. Names the id that `request` has."""
    request_id: str = "" if request is None else getattr(request.state, "request_id", "")
    document = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=faults,
        request_id=request_id,
    )
    named = {HEADER: request_id} if request_id else {}  # the answer to a bug passes by the middleware
    return Response(
        document.model_dump_json(exclude_defaults=True),
        status_code=status,
        media_type="application/problem+json",
        headers={**(headers or {}), **named},
    )
