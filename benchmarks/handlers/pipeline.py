"""The whole `POST /tasks/{type}` beside a bare FastAPI endpoint that validates the same payload.

Each is a uvicorn process of its own; this process calls them in turn within each round, so many requests in
flight on connections that are kept. Every request of ours is a task of its own: authenticated by its OIDC
token, decoded, claimed in SQLite on disk, bounded by its target, run, recorded on disk, told in the log.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import uvloop
from aiohttp import web
from rich.console import Console

from benchmarks.handlers.no_op import TEMPLATE
from benchmarks.handlers.service import AUDIENCE, EMAIL
from benchmarks.processes import ServerProcess, cpu_seconds, python
from benchmarks.rounds import Figure, Options, Side, compare
from contracts import Envelope
from emulator import SystemClock
from emulator.oidc import TokenIssuer

IN_FLIGHT = 64
WARM_UP = 1.0
"""Seconds."""
TARGET = 0.4
USERS = 100

Bodies = Callable[[int], bytes]


class Caller:
    """Sends a POST and waits for its answer, over and over, with as little work of its own as it can."""

    def __init__(self, server: ServerProcess, token: str, bodies: Bodies) -> None:
        self._host, _, port = server.fields["url"].removeprefix("http://").partition(":")
        self._port = int(port)
        self._pid = server.pid
        self._bodies = bodies
        self._numbers = itertools.count()
        self._head = (
            f"POST /tasks/no-op HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nX-CloudTasks-QueueName: no-op\r\nX-CloudTasks-TaskName: t\r\n"
        ).encode()
        self.cpu: list[float] = []
        """The server's CPU time for each request, in microseconds, of each measurement."""

    async def rate(self, seconds: float) -> float:
        """Requests answered a second. Raises RuntimeError for an answer that is not 200."""
        began, used = time.monotonic(), cpu_seconds(self._pid)
        until = began + seconds
        done = sum(await asyncio.gather(*(self._connection(until) for _ in range(IN_FLIGHT))))
        self.cpu.append(1e6 * (cpu_seconds(self._pid) - used) / done)
        return done / (time.monotonic() - began)

    async def _connection(self, until: float) -> int:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        done = 0
        while time.monotonic() < until:
            body = self._bodies(next(self._numbers))
            writer.write(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body))
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"the service answered {answer[:40]!r}")
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            done += 1
        writer.close()
        await writer.wait_closed()
        return done


def envelope(
    number: int, template: bytes = Envelope.seal(TEMPLATE, accepted_at=datetime.now(UTC)).encode()
) -> bytes:
    return template % (number, number % USERS, number)


def payload(number: int, template: bytes = TEMPLATE.to_payload()) -> bytes:
    return template % (number % USERS, number)


@asynccontextmanager
async def certificates(issuer: TokenIssuer) -> AsyncIterator[str]:
    """Serves them; the URL."""

    async def serve(_: web.Request) -> web.Response:
        return web.json_response(issuer.certificates())

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}/".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def measured(options: Options, console: Console) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        issuer = TokenIssuer(Path(folder) / "key.pem", clock=SystemClock())
        await issuer.open()
        token = issuer.token(email=EMAIL, audience=AUDIENCE)
        module = "benchmarks.handlers.service"
        async with (
            certificates(issuer) as url,
            python("-m", module, "sidelane", folder, url) as our_server,
            python("-m", module, "bare") as bare_server,
        ):
            ours, bare = Caller(our_server, token, envelope), Caller(bare_server, token, payload)
            for caller in (ours, bare):
                await caller.rate(WARM_UP)
            figure = await compare(
                "pipeline: of a bare endpoint",
                Side(label="pipeline", measure=lambda: ours.rate(options.seconds)),
                Side(label="bare FastAPI", measure=lambda: bare.rate(options.seconds)),
                unit="requests/s",
                target=TARGET,
                rounds=options.rounds,
                console=console,
            )
            console.print(f"CPU of a request: {median(ours.cpu):.0f} us, bare {median(bare.cpu):.0f} us")
    return [figure]


def run(options: Options, console: Console) -> list[Figure]:
    return uvloop.run(measured(options, console))
