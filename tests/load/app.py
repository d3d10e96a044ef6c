"""The app under test: a backend whose requests call others. It is served by uvicorn, as in production.

`LOAD_WAY` says how it calls them (`ways.WAYS`), `LOAD_NAMESERVER` at which port of this machine names are
resolved; the lanes' own variables say what is bounded.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from aiohttp.resolver import AsyncResolver
from fastapi import APIRouter, Depends, FastAPI, Response, WebSocket
from fastapi.requests import Request as HttpRequest
from fastapi.responses import JSONResponse
from starlette.websockets import WebSocketDisconnect

from lanes import (
    EXPOSITION_TYPE,
    ExecutorSaturated,
    HttpLane,
    LaneError,
    Lanes,
    LanesSettings,
    NotAdmitted,
    Request,
    Telemetry,
    open_lanes,
    open_transport,
)
from tests.load.ways import WAYS, Way, blocking_call

RESOLVE_WITHIN = 60.0
"""Seconds; the lane's own deadline comes first."""

routes = APIRouter()


def create_app() -> FastAPI:
    """`uvicorn tests.load.app:create_app --factory`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.way = WAYS[os.environ.get("LOAD_WAY", "lane")]()
        app.state.unattended = set()
        transport = partial(open_transport, resolver=resolver)
        async with open_lanes(
            LanesSettings(), Telemetry(), service="load", open_transport=transport
        ) as lanes:
            app.state.lanes = lanes
            yield

    app = FastAPI(lifespan=lifespan)
    app.add_exception_handler(LaneError, refusal)
    app.include_router(routes)
    return app


def resolver() -> AsyncResolver:
    port = os.environ.get("LOAD_NAMESERVER")
    if port is None:
        return AsyncResolver()
    return AsyncResolver(nameservers=["127.0.0.1"], udp_port=int(port), timeout=RESOLVE_WITHIN, tries=1)


async def refusal(_: HttpRequest, error: Exception) -> JSONResponse:
    is_shed = isinstance(error, NotAdmitted | ExecutorSaturated)
    return JSONResponse({"error": type(error).__name__}, status_code=503 if is_shed else 502)


# Both are coroutines: FastAPI has a thread for each dependency that is not, and the test sees them.
async def lanes_of(request: HttpRequest) -> Lanes:
    lanes: Lanes = request.app.state.lanes
    return lanes


async def way_of(request: HttpRequest) -> Way:
    way: Way = request.app.state.way
    return way


OurLanes = Annotated[Lanes, Depends(lanes_of)]
OurWay = Annotated[Way, Depends(way_of)]


@routes.get("/work")
async def work(url: str, lanes: OurLanes, way: OurWay, lane: str = "default") -> JSONResponse:
    chosen: HttpLane = getattr(lanes.http, lane)
    status = await way.work(lanes, chosen, url)
    if status == 200:
        return JSONResponse({})
    return JSONResponse({"error": f"status {status}"}, status_code=502)


@routes.get("/blocking")
async def blocking(url: str, lanes: OurLanes) -> None:
    """For a downstream that only a blocking client can reach: in a thread, where it may be slow."""
    await lanes.critical.run(blocking_call, url)


@routes.get("/healthy")
async def healthy(way: OurWay) -> None:
    await way.healthy()


@routes.get("/critical")
async def critical(lanes: OurLanes) -> int:
    return await lanes.critical.run(sum, range(100))


@routes.get("/stored")
async def stored(lanes: OurLanes) -> int:
    return await lanes.storage.run(sum, range(100))


@routes.post("/unattended")
async def begin_unattended(url: str, lanes: OurLanes, request: HttpRequest) -> None:
    """Begin one of each kind of work that no request waits for."""

    async def send() -> None:
        await lanes.http.default.send(Request(method="POST", url=url))

    request.app.state.unattended |= {
        asyncio.ensure_future(send()),
        asyncio.ensure_future(lanes.critical.run(blocking_call, url)),
        lanes.latest.submit("downstream", "stream", send),
    }


@routes.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return


@routes.get("/metrics")
async def metrics(lanes: OurLanes) -> Response:
    return Response(lanes.telemetry.exposition(), media_type=EXPOSITION_TYPE)


@routes.get("/healthz")
async def healthz(lanes: OurLanes) -> JSONResponse:
    health = lanes.health()
    return JSONResponse(health.as_json(), status_code=health.status)
