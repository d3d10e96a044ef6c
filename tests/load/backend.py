"""The app under test in a process of its own, served by uvicorn: its log, threads, memory and end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
START_WITHIN = 60.0
"""Seconds; a bound for what hangs, not a measure."""
_LINES = 500
_OTHERS = ("SIDELANE_", "K_SERVICE", "OTEL_", "LOAD_", "WEB_CONCURRENCY", "UVICORN_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    threads: int
    resident: int
    """Bytes."""


class Backend:
    """`lines` are the last ones of its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._logged = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())
        self.lines: deque[str] = deque(maxlen=_LINES)
        self.port = 0

    async def logged(self, pattern: str, within: float = START_WITHIN) -> re.Match[str]:
        """The first line of the log that matches. Raises RuntimeError where none comes."""
        found: list[re.Match[str]] = []

        def is_there() -> bool:
            found[:] = [match for line in self.lines if (match := re.search(pattern, line))]
            return bool(found) or self._reading.done()

        try:
            async with asyncio.timeout(within), self._logged:
                await self._logged.wait_for(is_there)
        except TimeoutError:
            pass
        if not found:
            log = "\n".join(self.lines)
            raise RuntimeError(f"the app under test never logged {pattern!r}; its log:\n{log}")
        return found[0]

    def resources(self) -> Resources:
        """What the process has now; wants Linux's /proc."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return Resources(
            threads=int(fields["Threads"]), resident=int(fields["VmRSS"].removesuffix("kB")) * 1024
        )

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    async def ended(self, within: float) -> int | None:
        """Its exit code, or None where it has not ended in so many seconds."""
        try:
            async with asyncio.timeout(within):
                code = await self._process.wait()
                await self._reading
                return code
        except TimeoutError:
            return None

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._logged:
                self.lines.append(line.decode(errors="replace").rstrip())
                self._logged.notify_all()
        async with self._logged:
            self._logged.notify_all()


@asynccontextmanager
async def serving(
    settings: Mapping[str, str], *, loop: str, shutdown_within: int | None = None
) -> AsyncIterator[Backend]:
    """Serve the app with these variables until the block ends; killed then, if it has not ended itself.

    Args:
        loop: uvicorn's, `asyncio` or `uvloop`.
        shutdown_within: seconds that uvicorn gives requests under way after a SIGTERM.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    options = ["--host", "127.0.0.1", "--port", "0", "--loop", loop, "--no-access-log"]
    options += ["--timeout-keep-alive", "3600"]  # a request must not meet a connection that just ends
    if shutdown_within is not None:
        options += ["--timeout-graceful-shutdown", str(shutdown_within)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "uvicorn", "tests.load.app:create_app", "--factory"),
        *options,
        cwd=REPOSITORY,
        env={**environment, "PYTHONUNBUFFERED": "1", **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    backend = Backend(process)
    try:
        backend.port = int((await backend.logged(r"running on http://127\.0\.0\.1:(\d+)"))[1])
        yield backend
    finally:
        await backend.kill()
