"""The reference backend: routers that accept events and enqueue their side effects. It runs none of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from contracts import TASK_TYPES, TaskRegistry, load_catalog
from producers.body_limit import BodyLimit
from producers.problems import answer_problems
from producers.producer import Producer
from producers.routers import webhooks
from producers.settings import ProducerSettings
from producers.trace import TraceContext

MAX_BODY = 1024 * 1024
"""Bytes of a request; several times what a task carries, so that the answer can say what is too large."""


def create_app(settings: ProducerSettings | None = None) -> FastAPI:
    """`uvicorn producers.app:create_app --factory`. Without settings, reads the environment."""
    settings = settings or ProducerSettings()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
        async with Producer(settings, catalog, TaskRegistry(TASK_TYPES)):
            yield

    app = FastAPI(title="Sidelane reference backend", lifespan=lifespan)
    app.add_middleware(BodyLimit, limit=MAX_BODY)
    app.add_middleware(TraceContext)
    answer_problems(app)
    app.include_router(webhooks.router)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
