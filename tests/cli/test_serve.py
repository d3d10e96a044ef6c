"""`sidelane serve` runs each service as a container does, and SIGTERM ends it in good order."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from cli.main import app


@pytest.mark.parametrize(
    ("service", "path"), [("backend", "/healthz"), ("handlers", "/healthz"), ("dead-letters", "/")]
)
async def test_each_service_answers_and_ends_at_sigterm(service: str, path: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", "serve", service, "--port", "0"),
        env={
            "PYTHONPATH": ".",
            "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:1",
            "PUBSUB_EMULATOR_HOST": "127.0.0.1:1",
            "SIDELANE_DATABASE": str(tmp_path / "stores.sqlite3"),
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(40):
            said = ""
            while "Uvicorn running on " not in said:
                line = (await process.stderr.readline()).decode()
                assert line, said
                said += line
            url = said.rpartition("Uvicorn running on ")[2].split()[0]
            async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGTERM)
            rest = (await process.stderr.read()).decode()
            assert await process.wait() in (0, -signal.SIGTERM)
            assert "Application shutdown complete" in rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_an_unknown_service_is_refused() -> None:
    result = CliRunner().invoke(app, ["serve", "mailer"])
    assert result.exit_code == 2
    assert "there is no service 'mailer'" in result.stderr
