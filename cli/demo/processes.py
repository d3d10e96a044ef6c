"""Runs services as child processes: started, watched, killed, always cleaned up. It knows none of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.demo.errors import ProcessFailed

READY_DEADLINE = 30.0
"""Seconds from the start of a process to its first answer."""
TERM_DEADLINE = 5.0
"""Seconds from SIGTERM to SIGKILL."""
POLL_SECONDS = 0.1
TAIL_LINES = 15

Probe = Callable[["Process"], Awaitable[bool]]
"""Says whether a process is ready; asked again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How a process is started."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    """Added to this process's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Command):
    """A process that runs until it is told to end."""

    ready: Probe


class Process:
    """One running child; its output goes to a file."""

    def __init__(self, name: str, log: Path, child: asyncio.subprocess.Process) -> None:
        self.name = name
        self.log = log
        self._child = child
        self._ending = False

    @property
    def pid(self) -> int:
        return self._child.pid

    async def output(self) -> str:
        """What it has written so far."""
        return await asyncio.to_thread(self.log.read_text, encoding="utf-8", errors="replace")

    async def check(self) -> None:
        """Raise `ProcessFailed` where the process ended without having been told to."""
        code = self._child.returncode
        if code is not None and not self._ending:
            raise ProcessFailed(f"{self.name} ended on its own with code {code}; {await self._tail()}")

    async def ready(self, probe: Probe, deadline: float) -> None:
        """Wait for `probe`. Raises `ProcessFailed` after `deadline` seconds, or when the process ends."""
        try:
            async with asyncio.timeout(deadline):
                while not await probe(self):
                    await self.check()
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise ProcessFailed(
                f"{self.name} was not ready after {deadline:g} s; {await self._tail()}"
            ) from error

    async def finished(self, deadline: float) -> str:
        """Wait for its end; its output. Raises `ProcessFailed` where it failed or took too long."""
        self._ending = True
        try:
            async with asyncio.timeout(deadline):
                code = await self.ended()
        except TimeoutError as error:
            raise ProcessFailed(
                f"{self.name} took longer than {deadline:g} s; {await self._tail()}"
            ) from error
        if code != 0:
            raise ProcessFailed(f"{self.name} failed with code {code}; {await self._tail()}")
        return await self.output()

    async def kill(self) -> None:
        """End it as a crash would (SIGKILL), and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def ended(self) -> int:
        """Wait until it is gone; its exit code."""
        return await self._child.wait()

    async def terminate(self, deadline: float) -> None:
        """Ask it to end (SIGTERM), and kill it where it does not within `deadline` seconds."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(deadline):
                await self.ended()
        except TimeoutError:
            await self.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal that ends it; it is no failure any more when it does."""
        self._ending = True
        if self._child.returncode is None:
            # The child leads a group of its own: whatever it started goes with it.
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)

    async def _tail(self) -> str:
        lines = (await self.output()).splitlines()[-TAIL_LINES:]
        return f"the end of {self.log}:\n" + "\n".join(f"  {line}" for line in lines)


class Processes:
    """All children of one run, ended when the block ends, however it does."""

    def __init__(
        self, logs: Path, *, ready_deadline: float = READY_DEADLINE, term_deadline: float = TERM_DEADLINE
    ) -> None:
        """`logs` is a folder; each process writes to `{name}.log` in it, a restarted one too."""
        self._logs = logs
        self._ready_deadline = ready_deadline
        self._term_deadline = term_deadline
        self._running: dict[str, Process] = {}

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._logs.mkdir, parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for process in self._running.values():
                    group.create_task(process.terminate(self._term_deadline))
        finally:
            # Interrupted once more: nothing may stay behind.
            for process in self._running.values():
                process.signal(signal.SIGKILL)

    async def start(self, service: Service) -> Process:
        """Start a service and wait until it is ready; one of the same name takes the place of the last.

        Raises:
            ProcessFailed: it could not be started, ended, or was not ready in time.
        """
        process = await self._spawn(service)
        await process.ready(service.ready, self._ready_deadline)
        return process

    async def run(self, command: Command, *, deadline: float) -> str:
        """Run a command to its end and return what it said.

        Raises:
            ProcessFailed: it could not be started, failed, or took longer than `deadline` seconds.
        """
        process = await self._spawn(command)
        return await process.finished(deadline)

    async def kill(self, name: str) -> None:
        """End the process of this name as a crash would, and wait until it is gone."""
        await self._running[name].kill()

    async def check(self) -> None:
        """Raise `ProcessFailed` where a process ended without having been told to."""
        for process in self._running.values():
            await process.check()

    async def _spawn(self, command: Command) -> Process:
        log = self._logs / f"{command.name}.log"
        output = await asyncio.to_thread(log.open, "ab")
        try:
            child = await asyncio.create_subprocess_exec(
                *command.argv,
                env={**os.environ, **command.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessFailed(f"{command.name} cannot be started: {error}") from error
        finally:
            output.close()
        process = Process(command.name, log, child)
        self._running[command.name] = process
        return process
