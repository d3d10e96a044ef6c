"""The reference backend: routers that accept events and enqueue their side effects. It runs none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from contracts import TASK_TYPES, TaskRegistry, load_catalog
from lanes import LanesSettings, Telemetry, open_lanes
from lanes.status_routes import status_routes
from producers.backend import open_backend, users_of
from producers.backend_settings import BackendSettings
from producers.body_limit import BodyLimit
from producers.file_problems import answer_file_problems
from producers.files_and_models import TAKES_FILES, open_files_and_models
from producers.openapi import complete_openapi
from producers.problems import answer_problems
from producers.producer import Producer
from producers.pusher import Pusher
from producers.rate_limit import RateLimiter
from producers.request_id import RequestId
from producers.routers import (
    apps,
    auth,
    calendar,
    chat,
    imports,
    notifications,
    oauth,
    pusher,
    retrieval,
    search,
    social,
    sync,
    webhooks,
)
from producers.trace import TraceContext
from stores.blob_location import open_blobs

MAX_BODY = 1024 * 1024
"""Bytes of a request; several times what a task carries, so that the answer can say what is too large."""


ROUTERS = (
    apps.router,
    auth.router,
    calendar.router,
    chat.router,
    imports.router,
    notifications.router,
    oauth.router,
    pusher.router,
    retrieval.router,
    search.router,
    social.router,
    sync.router,
    webhooks.router,
)
"""Every group of call sites."""


def create_app(settings: BackendSettings | None = None) -> FastAPI:
    """`uvicorn producers.app:create_app --factory`. Without settings, reads the environment."""
    settings = settings or BackendSettings()
    lanes_settings = LanesSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_lanes(lanes_settings, Telemetry(), service="producers") as lanes:
            app.state.lanes, app.state.settings = lanes, settings
            app.state.users = users_of(settings, lanes)
            app.state.rate_limiter = RateLimiter(settings.rate_limits)
            app.state.pusher = Pusher(latest=lanes.latest, telemetry=lanes.telemetry)
            app.state.pusher.watch()
            await open_files_and_models(app.state, settings, lanes)
            catalog = await lanes.storage.run(load_catalog, settings.queues_file)
            async with (
                open_blobs(
                    settings.blobs,
                    lanes.storage,
                    project=settings.project,
                    emulator=settings.storage_emulator_host,
                ) as blobs,
                open_backend(settings, lanes) as app.state.backend,
                Producer(settings, catalog, TaskRegistry(TASK_TYPES), blobs=blobs),
            ):
                yield

    app = FastAPI(title="Sidelane reference backend", lifespan=lifespan)
    app.add_middleware(BodyLimit, limit=MAX_BODY, larger=[(TAKES_FILES, settings.upload_body_bytes)])
    app.add_middleware(TraceContext)
    app.add_middleware(RequestId)
    answer_problems(app)
    answer_file_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.extend(status_routes())
    complete_openapi(app)
    return app
