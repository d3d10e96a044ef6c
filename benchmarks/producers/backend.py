"""A backend with one route that enqueues and one that does nothing, as a process of its own."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from contracts import TASK_TYPES, DeveloperWebhook, RealtimeTranscript, TaskRegistry, load_catalog
from producers import Producer, ProducerSettings, Receipt, enqueue


def create_app(queues_file: Path) -> FastAPI:
    catalog = load_catalog(queues_file)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with Producer(ProducerSettings(), catalog, TaskRegistry(TASK_TYPES)):
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/users/{uid}/flushes", status_code=202)
    async def flush(uid: str, event: RealtimeTranscript) -> Receipt:
        return await enqueue(DeveloperWebhook(uid=uid, event=event))

    @app.get("/ping")
    async def ping() -> dict[str, str]:
        return {}

    return app


def main(queues_file: Path) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print("ready http={}:{}".format(*listening.getsockname()), flush=True)
    config = uvicorn.Config(
        create_app(queues_file),
        loop="uvloop",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=3600,  # a request must not meet a connection that just ends
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
