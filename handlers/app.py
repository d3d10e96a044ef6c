"""The handlers service: takes tasks over HTTP and hands them to the pipeline. Decides nothing itself."""

from __future__ import annotations

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
from handlers.targets import Targets
from handlers.webhooks import DeveloperWebhooks
from lanes import EXPOSITION_TYPE, HttpLane, Lanes, LanesSettings, Telemetry, open_lanes
from producers import Producer
from stores.sqlite import open_sqlite

OpenPipeline = Callable[[HandlerSettings, Lanes], AbstractAsyncContextManager[Pipeline]]


def create_app(settings: HandlerSettings | None = None, open_pipeline: OpenPipeline | None = None) -> FastAPI:
    """Build the service: `uvicorn handlers.app:create_app --factory`."""
    resolved = settings or HandlerSettings()
    opener = open_pipeline or standard_pipeline
    lanes_settings = without_breakers(LanesSettings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_lanes(lanes_settings, Telemetry(), service="handlers") as lanes,
            opener(resolved, lanes) as pipeline,
        ):
            app.state.pipeline = pipeline
            app.state.lanes = lanes
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
    async def healthz() -> JSONResponse:
        lanes: Lanes = app.state.lanes
        health = lanes.health()
        return JSONResponse(health.as_json(), status_code=health.status)

    @app.get("/metrics")
    async def metrics() -> Response:
        lanes: Lanes = app.state.lanes
        return Response(lanes.telemetry.exposition(), media_type=EXPOSITION_TYPE)

    return app


@asynccontextmanager
async def standard_pipeline(settings: HandlerSettings, lanes: Lanes) -> AsyncIterator[Pipeline]:
    """Open everything that the pipeline uses, and close it in the opposite order."""
    catalog = await lanes.storage.run(load_catalog, settings.queues_file)
    registry = TaskRegistry(TASK_TYPES)
    async with (
        open_sqlite(settings.database) as stores,
        HttpLane(CERTIFICATES_LANE) as certificates,
        Producer(settings, catalog, registry) as producer,
    ):
        effects: Effects = {
            DeveloperWebhook.name: DeveloperWebhooks(stores.directory, lanes.http.webhooks, clock=_now),
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
            targets=Targets(clock=_now, random=random.random, telemetry=lanes.telemetry),
            follow_up=FollowUp(producer),
            telemetry=lanes.telemetry,
            clock=_now,
            luck=random.random,
        )


def without_breakers(settings: LanesSettings) -> LanesSettings:
    """The settings with a webhooks lane that leaves no target alone and bounds none.

    `handlers.targets` does both for every durable side effect, before it runs and by the queue's own policy:
    a second breaker and bulkhead on the way would refuse what those have let go.
    """
    webhooks = settings.http.webhooks.model_copy(update={"breaker_failures": None, "max_per_target": None})
    return settings.model_copy(update={"http": settings.http.model_copy(update={"webhooks": webhooks})})


def _now() -> datetime:
    return datetime.now(UTC)
