"""Turns what went wrong in a request into application/problem+json (RFC 9457). Hides our own faults alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from lanes import (
    AnswerTooLarge,
    BadRequest,
    BadUrl,
    BreakerOpen,
    ConnectFailed,
    DeadlineExceeded,
    EgressRefused,
    ExchangeFailed,
    ExecutorClosed,
    ExecutorSaturated,
    FileTooLarge,
    KeysAway,
    LaneClosed,
    LaneError,
    NotAdmitted,
)
from producers.errors import (
    InvalidIdentity,
    NotSetUp,
    NotSignedIn,
    NotYours,
    ProducerError,
    RequestRefused,
    TaskTooLarge,
    ThirdPartyFailed,
    TooManyRequests,
    Unreachable,
)
from producers.request_id import HEADER
from stores import StoreUnavailable

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


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: problems of these statuses."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}


OF_USERS = responses(400, 401, 403, 429, 503)
"""Of every route that asks who calls."""
RESPONSES = responses(400, 401, 403, 413, 422, 429, 500, 503)
"""Of routers that enqueue."""
THIRD_PARTY_RESPONSES = responses(400, 401, 403, 413, 422, 429, 500, 502, 503, 504)
"""Of routers that ask a third party."""


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

    _answer_callers(app)
    _answer_lanes(app)

    @app.exception_handler(ProducerError)
    async def ours(request: Request, error: ProducerError) -> Response:
        _log.error("a task could not be enqueued", exc_info=error)
        return problem(500, OUR_FAULT, request=request)

    @app.exception_handler(Exception)
    async def bug(request: Request, _: Exception) -> Response:
        return problem(500, OUR_FAULT, request=request)  # the server raises it again and logs it


def _answer_callers(app: FastAPI) -> None:
    """What is the caller's to mend, or a third party's."""

    @app.exception_handler(NotSignedIn)
    async def nobody(request: Request, error: NotSignedIn) -> Response:
        headers = {"WWW-Authenticate": 'Bearer realm="sidelane"'}
        return problem(401, str(error), headers=headers, request=request)

    @app.exception_handler(NotYours)
    async def another(request: Request, error: NotYours) -> Response:
        return problem(403, str(error), request=request)

    @app.exception_handler(TooManyRequests)
    async def too_many(request: Request, error: TooManyRequests) -> Response:
        return problem(429, str(error), headers={**error.headers, **_come_back(error.wait)}, request=request)

    @app.exception_handler(NotSetUp)
    async def not_set_up(request: Request, error: NotSetUp) -> Response:
        return problem(501, str(error), request=request)

    @app.exception_handler(RequestRefused)
    async def refused(request: Request, error: RequestRefused) -> Response:
        return problem(error.status, str(error), request=request)

    @app.exception_handler(StoreUnavailable)
    async def store(request: Request, error: StoreUnavailable) -> Response:
        _log.warning("%s", error)
        headers = _come_back(RETRY_AFTER)
        return problem(503, "the store is away; send the same again", headers=headers, request=request)

    @app.exception_handler(ThirdPartyFailed)
    async def third_party(request: Request, error: ThirdPartyFailed) -> Response:
        _log.warning("%s", error)
        return problem(error.status, str(error), headers=_come_back(error.wait), request=request)


def _answer_lanes(app: FastAPI) -> None:
    """Errors of lanes that no route has made its own: 503 where nothing was done, 502 and 504 else."""

    @app.exception_handler(LaneError)
    async def lane(request: Request, error: LaneError) -> Response:
        status = lane_status(error)
        if status == 500:
            _log.error("a lane was used wrongly", exc_info=error)
            return problem(500, OUR_FAULT, request=request)
        wait = error.retry_after if isinstance(error, BreakerOpen) else RETRY_AFTER
        headers = _come_back(wait) if status > 500 else {}
        return problem(status, str(error), headers=headers, request=request)


_OF_LANES: tuple[tuple[int, tuple[type[LaneError], ...]], ...] = (
    (422, (EgressRefused, BadUrl, BadRequest)),
    (413, (FileTooLarge,)),
    (503, (NotAdmitted, ExecutorSaturated, ExecutorClosed, LaneClosed, KeysAway)),
    (504, (DeadlineExceeded,)),
    (502, (ConnectFailed, ExchangeFailed, AnswerTooLarge)),
)


def lane_status(error: LaneError) -> int:
    """Of the answer to a request that an error of a lane ended; 500 where we used the lane wrongly."""
    return next((status for status, kinds in _OF_LANES if isinstance(error, kinds)), 500)


def _come_back(wait: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, ceil(wait)))}


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
