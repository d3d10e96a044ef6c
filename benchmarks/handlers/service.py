"""A uvicorn process of the pipeline benchmark: `sidelane FOLDER CERTIFICATES-URL`, or `bare`.

Both have uvloop, httptools and no access log. Sidelane is the app as it is deployed, with its lanes, its JSON
log and its metrics, on a ledger in FOLDER; its one side effect does nothing. Bare is a FastAPI endpoint that
validates the same payload and does nothing.
"""

from __future__ import annotations

import os
import socket
import sys
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from benchmarks.handlers.no_op import NoOp, catalog_file
from handlers.app import create_app
from handlers.delivery import End, Returned
from handlers.effect import Delivery
from handlers.opening import open_service
from handlers.settings import HandlerSettings
from lanes import LanesSettings

AUDIENCE = "http://handlers.test"
EMAIL = "tasks@sidelane-local.iam.gserviceaccount.com"


async def no_op(_: NoOp, __: Delivery) -> End:
    return Returned()


def sidelane(folder: Path, certificates_url: str) -> FastAPI:
    settings = HandlerSettings(
        cloud_tasks_emulator_host="127.0.0.1:9",  # a task that is done enqueues nothing
        pubsub_emulator_host="127.0.0.1:9",
        queues_file=catalog_file(folder),
        database=folder / "stores.sqlite3",
        blobs=str(folder / "blobs"),
        handlers_url=AUDIENCE,
        invoker_email=EMAIL,
        oidc_certs_url=certificates_url,
    )
    opening = partial(open_service, types=[NoOp], effects=lambda *_: {NoOp.name: no_op})
    return create_app(settings, opening, LanesSettings(json_logs=True, settle_heap=True))


def bare() -> FastAPI:
    app = FastAPI()

    @app.post("/tasks/no-op")
    async def run(_: NoOp) -> dict[str, str]:
        return {"outcome": "done"}

    return app


class Announcing(uvicorn.Server):
    """Prints the ready line, then writes nothing more to the pipe that it was read from."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        print(f"ready url=http://{host}:{port}", flush=True)
        _to_null()


def _to_null() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


if __name__ == "__main__":
    app = bare() if sys.argv[1] == "bare" else sidelane(Path(sys.argv[2]), sys.argv[3])
    Announcing(
        uvicorn.Config(app, port=0, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    ).run()
