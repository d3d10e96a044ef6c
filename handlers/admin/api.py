"""Puts the routes of the admin API together, and words what goes wrong. Does no work itself."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response

from handlers.admin import dead_letters, endpoints, operations, queues
from handlers.errors import CallerRefused, CertificatesAway, NoSuchLetter
from producers import UnknownQueue
from producers.problems import answer_problems, problem
from stores import StoreError

_log = logging.getLogger(__name__)


def admin_routes(app: FastAPI) -> None:
    """Add everything under /admin; `app.state.opened.admin` is there once the lifespan has begun."""
    router = APIRouter(prefix="/admin")
    for part in (dead_letters, endpoints, operations, queues):
        router.include_router(part.router)
    app.include_router(router)
    answer_problems(app)

    @app.exception_handler(CallerRefused)
    async def refused(_: Request, error: CallerRefused) -> Response:
        return problem(error.status, str(error))

    @app.exception_handler(NoSuchLetter)
    async def no_letter(_: Request, error: NoSuchLetter) -> Response:
        return problem(HTTPStatus.NOT_FOUND, str(error))

    @app.exception_handler(UnknownQueue)
    async def no_queue(_: Request, error: UnknownQueue) -> Response:
        return problem(HTTPStatus.NOT_FOUND, str(error))

    @app.exception_handler(StoreError)
    @app.exception_handler(CertificatesAway)
    async def away(_: Request, error: Exception) -> Response:
        _log.warning("%s", error)
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers={"Retry-After": "5"})
