"""The two routes by which every service tells how it is: its health and its metrics. They judge nothing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lanes.lifespan import Lanes
from lanes.telemetry import EXPOSITION_TYPE


def status_routes() -> list[Route]:
    """`GET /healthz` and `GET /metrics`, for an ASGI application that has its lanes at `app.state.lanes`."""
    return [Route("/healthz", _healthz), Route("/metrics", _metrics)]


async def _healthz(request: Request) -> JSONResponse:
    health = _lanes(request).health()
    return JSONResponse(health.as_json(), status_code=health.status)


async def _metrics(request: Request) -> Response:
    return Response(_lanes(request).telemetry.exposition(), media_type=EXPOSITION_TYPE)


def _lanes(request: Request) -> Lanes:
    lanes: Lanes = request.app.state.lanes
    return lanes
