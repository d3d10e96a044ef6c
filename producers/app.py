"""The reference backend: routers that accept events and enqueue their side effects. It runs none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from contracts import TASK_TYPES, TaskRegistry, load_catalog
from lanes import EXPOSITION_TYPE, Lanes, LanesSettings, Telemetry, open_lanes
from producers.body_limit import BodyLimit
from producers.problems import answer_problems
from producers.producer import Producer
from producers.routers import notifications, webhooks
from producers.settings import ProducerSettings
from producers.trace import TraceContext
from stores.blob_location import open_blobs

MAX_BODY = 1024 * 1024
"""Bytes of a request; several times what a task carries, so that the answer can say what is too large."""


def create_app(settings: ProducerSettings | None = None) -> FastAPI:
    """`uvicorn producers.app:create_app --factory`. Without settings, reads the environment."""
    settings = settings or ProducerSettings()
    lanes_settings = LanesSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_lanes(lanes_settings, Telemetry(), service="producers") as lanes:
            app.state.lanes = lanes
            catalog = await lanes.storage.run(load_catalog, settings.queues_file)
            async with (
                open_blobs(
                    settings.blobs,
                    lanes.storage,
                    project=settings.project,
                    emulator=settings.storage_emulator_host,
                ) as blobs,
                Producer(settings, catalog, TaskRegistry(TASK_TYPES), blobs=blobs),
            ):
                yield

    app = FastAPI(title="Sidelane reference backend", lifespan=lifespan)
    app.add_middleware(BodyLimit, limit=MAX_BODY)
    app.add_middleware(TraceContext)
    answer_problems(app)
    app.include_router(notifications.router)
    app.include_router(webhooks.router)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        lanes: Lanes = app.state.lanes
        health = lanes.health()
        return JSONResponse(health.as_json(), status_code=health.status)

    @app.get("/metrics")
    async def metrics() -> Response:
        lanes: Lanes = app.state.lanes
        return Response(lanes.telemetry.exposition(), media_type=EXPOSITION_TYPE)

    return app
