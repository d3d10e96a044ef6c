"""The handlers service: takes tasks over HTTP and hands them to the pipeline. Decides nothing itself."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from contracts import TASK_TYPES, DeveloperWebhook, TaskRegistry, load_catalog
from handlers.effect import Effects
from handlers.follow_up import FollowUp
from handlers.identity import CERTIFICATES_LANE, Callers, Certificates
from handlers.pipeline import Pipeline, TaskRequest
from handlers.settings import HandlerSettings
from handlers.webhooks import DeveloperWebhooks
from lanes import HttpLane, LanesSettings, Telemetry
from producers import Producer
from stores.sqlite import open_sqlite

OpenPipeline = Callable[[HandlerSettings], AbstractAsyncContextManager[Pipeline]]


def create_app(settings: HandlerSettings | None = None, open_pipeline: OpenPipeline | None = None) -> FastAPI:
    """Build the service: `uvicorn handlers.app:create_app --factory`."""
    resolved = settings or HandlerSettings()
    opener = open_pipeline or standard_pipeline

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
        async with opener(resolved) as pipeline:
            app.state.pipeline = pipeline
            yield

    app = FastAPI(title="Sidelane handlers", lifespan=lifespan)

    @app.post("/tasks/{task_type}")
    async def run_task(task_type: str, request: Request) -> JSONResponse:
        pipeline: Pipeline = app.state.pipeline
        reply = await pipeline.handle(
            TaskRequest(
                type=task_type,
                body=await request.body(),
                authorization=request.headers.get("authorization"),
                cloud_queue=request.headers.get("x-cloudtasks-queuename", ""),
                task_name=request.headers.get("x-cloudtasks-taskname", ""),
            )
        )
        return JSONResponse({"outcome": reply.word}, status_code=reply.status)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics")
    async def metrics() -> Response:
        pipeline: Pipeline = app.state.pipeline
        return Response(pipeline.telemetry.exposition(), media_type="text/plain; version=0.0.4")

    return app


@asynccontextmanager
async def standard_pipeline(settings: HandlerSettings) -> AsyncIterator[Pipeline]:
    """Open everything that the service uses, and close it in the opposite order."""
    catalog = await asyncio.to_thread(load_catalog, settings.queues_file)
    registry = TaskRegistry(TASK_TYPES)
    lanes = LanesSettings()
    # A durable delivery that a breaker refuses must be parked so that its target's tasks come back spread
    # out. Until they are, deliveries wait for the lane's places alone.
    webhooks_lane = lanes.http.webhooks.model_copy(update={"breaker_failures": None, "max_per_target": None})
    async with (
        open_sqlite(settings.database) as stores,
        HttpLane(webhooks_lane, name="webhooks", egress=lanes.egress()) as webhooks,
        HttpLane(CERTIFICATES_LANE) as certificates,
        Producer(settings, catalog, registry) as producer,
    ):
        effects: Effects = {
            DeveloperWebhook.name: DeveloperWebhooks(stores.directory, webhooks, clock=_now),
        }
        yield Pipeline(
            callers=Callers(
                Certificates(settings.oidc_certs_url, certificates),
                audience=settings.audience,
                emails=frozenset({settings.invoker_email}),
            ),
            catalog=catalog,
            registry=registry,
            ledger=stores.ledger,
            effects=effects,
            follow_up=FollowUp(producer),
            telemetry=Telemetry(),
            clock=_now,
            luck=random.random,
        )


def _now() -> datetime:
    return datetime.now(UTC)
