"""Starts a server in a process of its own and waits for its ready line; it knows none of the servers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
START_TIMEOUT = 60.0
"""Seconds."""


class ServerProcess:
    """`fields` are those of the ready line: `ready tasks=127.0.0.1:8123 ...`."""

    def __init__(self, process: asyncio.subprocess.Process, fields: Mapping[str, str]) -> None:
        self.pid = process.pid
        self.fields = fields


@asynccontextmanager
async def python(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[ServerProcess]:
    """`python ARGUMENTS`, with this environment besides, once it printed its ready line; killed at the end.

    Raises RuntimeError if it ends before that.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT):
            ready = (await process.stdout.readline()).decode()
        if not ready.startswith("ready "):
            raise RuntimeError(f"python {' '.join(arguments)} did not start: run it to see why")
        yield ServerProcess(process, dict(field.split("=") for field in ready.split()[1:]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def sidelane_up(folder: Path) -> tuple[str, ...]:
    """Arguments of `python` for our server on `folder` and any free ports."""
    ports = [f"--{port}-port=0" for port in ("tasks", "pubsub", "http")]
    return ("-m", "cli.main", "up", "--data", str(folder), *ports)


def peak_resident_bytes(pid: int) -> int:
    """The most resident memory that a process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/status tells no VmHWM")


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
