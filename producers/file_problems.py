"""Words what went wrong with files as problems, beside what `problems` knows of every route."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from producers.errors import UploadsFull
from producers.problems import RETRY_AFTER, problem


def answer_file_problems(app: FastAPI) -> None:
    """Whether a file finds no room, or its sender has left."""

    @app.exception_handler(UploadsFull)
    async def full(request: Request, error: UploadsFull) -> Response:
        headers = {"Retry-After": str(RETRY_AFTER)}
        return problem(503, str(error), headers=headers, request=request)

    @app.exception_handler(ClientDisconnect)
    async def left(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=400)  # read by nobody
