"""Memory while files come in: of a process of its own, through the whole application."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, resource, sys
from pathlib import Path
from producers.app import create_app
from tests.producers.files.served import away

MEGABYTES = int(sys.argv[2])

async def main():
    app = create_app(away(Path(sys.argv[1]), upload_bytes=10**9, upload_body_bytes=10**9))
    async with app.router.lifespan_context(app):
        await send(app, 1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(send(app, MEGABYTES))
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)

async def send(app, megabytes):
    head = b'--b\\r\\ncontent-disposition: form-data; name="f"; filename="f"\\r\\n\\r\\n'
    left = megabytes * 16
    answers = []
    async def receive():
        nonlocal left
        left -= 1
        if left == megabytes * 16 - 1:
            return {"type": "http.request", "body": head, "more_body": True}
        if left < 0:
            return {"type": "http.request", "body": b"\\r\\n--b--\\r\\n", "more_body": False}
        return {"type": "http.request", "body": bytes(65_536), "more_body": True}
    async def answer(message):
        answers.append(message)
    scope = {
        "type": "http", "method": "POST", "path": "/v1/users/ada/chat/files", "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=b")], "http_version": "1.1",
        "scheme": "http", "server": ("x", 80), "client": ("x", 1), "root_path": "", "raw_path": b"",
    }
    await app(scope, receive, answer)
    assert answers[0]["status"] == 201, answers

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes there")
def test_uploads_hold_a_piece_each_however_long_they_are(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path), "50"],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=Path(__file__).parents[3],
        env={name: value for name, value in os.environ.items() if not name.startswith("SIDELANE_")},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 20  # megabytes more, of 200 that were sent
