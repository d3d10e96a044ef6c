"""The handlers service as a process that can be killed: its socket stays, and it is started again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path


class HandlersProcess:
    """The handlers service, started again whenever it ends. Its socket is ours and stays open."""

    def __init__(self, factory: str, log: Path) -> None:
        self._factory = factory
        self._log = log
        self.deaths = 0

    async def open(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://{}:{}".format(*self._socket.getsockname())

    async def start(self, environment: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **environment}
        self._child = await self._spawn()
        self._watch = asyncio.create_task(self._start_again())

    async def terminate(self) -> None:
        """SIGTERM, as Cloud Run sends it; return when the process has ended."""
        self._child.send_signal(signal.SIGTERM)
        await self._child.wait()

    async def kill(self) -> None:
        """As a crash does it: nothing is cleaned up. Return when it is gone; it is being started again."""
        child = self._child
        child.kill()
        await child.wait()

    async def aclose(self) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        if self._child.returncode is None:
            self._child.kill()
            await self._child.wait()
        self._socket.close()

    async def _start_again(self) -> None:
        while True:
            await self._child.wait()
            self.deaths += 1
            self._child = await self._spawn()

    async def _spawn(self) -> asyncio.subprocess.Process:
        number = self._socket.fileno()
        argv = [sys.executable, "-m", "uvicorn", self._factory, "--factory", "--fd", str(number)]
        argv += ["--timeout-graceful-shutdown", "1"]
        log = await asyncio.to_thread(self._log.open, "ab")
        try:
            return await asyncio.create_subprocess_exec(
                *argv,
                env=self._environment,
                pass_fds=[number],
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
            )
        finally:
            log.close()
