"""The README's example, run as it stands there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from contracts import TASK_TYPES, AudioBytes, Catalog, DeveloperWebhook, TaskRegistry, load_catalog
from producers import Producer, ProducerSettings, Receipt, enqueue
from tests.emulator_fixture import running_emulator

IMPORTED = {
    each.__name__: each
    for each in (
        AsyncIterator,
        AudioBytes,
        DeveloperWebhook,
        FastAPI,
        Producer,
        ProducerSettings,
        Receipt,
        Request,
        TaskRegistry,
        asynccontextmanager,
        enqueue,
    )
}


@pytest.fixture
def catalog() -> Catalog:
    return load_catalog(Path("infra/terraform/queues.yaml"))


@pytest.fixture
def example() -> str:
    found = re.search(r"```python\n(.*?)```", Path("README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_example_enqueues(
    example: str, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_emulator(catalog, tmp_path) as emulator:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", emulator.addresses.tasks)
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.addresses.pubsub)
        await emulator.pause(catalog)
        names: dict[str, Any] = {**IMPORTED, "TASK_TYPES": TASK_TYPES, "load_catalog": lambda _: catalog}
        exec(example, names)
        app = names["app"]
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://backend.test") as client,
        ):
            answer = await client.post("/users/u1/audio/s1/7", content=b"\x00\x01")
            again = await client.post("/users/u1/audio/s1/7", content=b"\x00\x01")
        assert answer.status_code == 202
        task = await emulator.task(answer.json()["task"])
        assert task.http_request.url.endswith("/tasks/developer-webhook")
        assert again.json()["duplicate"] is True
