"""The handlers service: takes requests over HTTP and hands them on. Opens and decides nothing itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.routing import Route, request_response
from starlette.types import ASGIApp

from handlers.admin import admin_routes
from handlers.events import EventRequest
from handlers.opening import Open, Opened, open_service, without_breakers
from handlers.settings import HandlerSettings
from handlers.task_endpoint import TaskEndpoint
from lanes import LanesSettings, Telemetry, open_lanes
from lanes.status_routes import status_routes
from producers.body_limit import BodyLimit

MAX_BODY = 2 * 1024 * 1024
"""Bytes of a request; Cloud Tasks carries 1 MB."""
MAX_PUSH = 14 * 1024 * 1024
"""Bytes of an event that is pushed; Pub/Sub carries 10 MB, in base64."""


def create_app(
    settings: HandlerSettings | None = None,
    opening: Open = open_service,
    lanes_settings: LanesSettings | None = None,
) -> FastAPI:
    """Build the service: `uvicorn handlers.app:create_app --factory`, which reads the environment."""
    resolved = settings or HandlerSettings()
    resolved_lanes = without_breakers(lanes_settings or LanesSettings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_lanes(resolved_lanes, Telemetry(), service="handlers") as lanes,
            opening(resolved, lanes) as opened,
        ):
            app.state.opened = opened
            app.state.lanes = lanes
            yield

    # No page about the API: nothing but the two routes at the end is there for who has no token.
    app = FastAPI(
        title="Sidelane handlers",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # A span of each request is enough: metrics and logs are our own, and tell no exception's text.
        telemetry={"metrics": False, "logs": False, "operation_spans": False},
    )

    async def take_event(request: Request) -> JSONResponse:
        opened: Opened = app.state.opened
        subscription = request.path_params["subscription"]
        reply = await opened.events.handle(
            EventRequest(subscription=subscription, headers=dict(request.headers), read=request.body)
        )
        return JSONResponse({"outcome": reply.word}, status_code=reply.status)

    endpoints: Mapping[str, ASGIApp] = {
        "/tasks/{task_type}": BodyLimit(TaskEndpoint(app.state), MAX_BODY),
        "/events/{subscription}": BodyLimit(request_response(take_event), MAX_PUSH),
    }
    app.router.routes.extend(Route(path, endpoint, methods=["POST"]) for path, endpoint in endpoints.items())
    admin_routes(app)

    app.router.routes.extend(status_routes())
    return app
