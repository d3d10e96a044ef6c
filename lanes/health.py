"""Says whether a process is well, from a thread and on a port of its own: a stuck event loop cannot."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lanes.in_thread import in_thread
from lanes.loop_lag import LoopLagStatistics


@dataclass(frozen=True, slots=True)
class Health:
    """`reason` is for people; empty while all is well."""

    is_healthy: bool
    reason: str = ""

    @property
    def status(self) -> int:
        """Of the HTTP answer that says it."""
        return 200 if self.is_healthy else 503

    def as_json(self) -> dict[str, str]:
        return {"status": "ok"} if self.is_healthy else {"status": "unhealthy", "reason": self.reason}


def loop_health(lag: LoopLagStatistics, *, stuck_after: float) -> Health:
    """Whether the loop still runs: unhealthy once it has run nothing for `stuck_after` seconds."""
    if lag.current < stuck_after:
        return Health(True)
    where = f", in {lag.last_source}" if lag.last_source else ""
    return Health(False, f"the event loop has run nothing for {lag.current:.1f} s{where}")


class HealthServer:
    """`GET /healthz` on its own port: 200 or 503, with the reason, for a liveness probe.

    The application's own route answers the same while its loop runs; this one answers also when it does not.
    """

    def __init__(self, host: str, port: int, check: Callable[[], Health]) -> None:
        """`check` is called in a thread, once for each request; port 0 takes any free one."""
        self._address = (host, port)
        self._check = check

    async def open(self) -> int:
        """Listen, and return the port. Raises OSError where it is taken."""
        self._server = ThreadingHTTPServer(self._address, _handler(self._check))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()
        return int(self._server.server_address[1])

    async def aclose(self) -> None:
        await in_thread(self._server.shutdown)
        self._server.server_close()


def _handler(check: Callable[[], Health]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # seconds for a request to arrive

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/healthz":
                self.send_error(404)
                return
            health = check()
            body = json.dumps(health.as_json())
            self.send_response(health.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing: probes come every few seconds."""

    return Handler
