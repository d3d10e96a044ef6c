"""The stand-in provider as a process, and the address at which Terraform finds it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PYTHON = Path(".venv-terraform/bin/python")
WHEELS = Path(".venv-terraform/wheels")
_START_TIMEOUT = 30  # seconds


@asynccontextmanager
async def standin(endpoint: str) -> AsyncIterator[str]:
    """The value of TF_REATTACH_PROVIDERS while it runs; `endpoint` is the base URL of the REST APIs."""
    (wheel,) = await asyncio.to_thread(lambda: list(WHEELS.glob("pulumi_gcp-*.whl")))
    process = await asyncio.create_subprocess_exec(
        str(PYTHON),
        "-m",
        "tests.terraform.provider",
        str(wheel),
        env={
            **os.environ,
            "GOOGLE_CLOUD_TASKS_CUSTOM_ENDPOINT": f"{endpoint}/v2/",
            "GOOGLE_PUBSUB_CUSTOM_ENDPOINT": f"{endpoint}/v1/",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            line = (await process.stdout.readline()).decode()
        if not line:
            raise AssertionError((await process.stderr.read()).decode())
        yield line.strip()
    finally:
        process.kill()
        await process.communicate()
