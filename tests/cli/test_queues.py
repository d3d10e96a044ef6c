"""`sidelane queues` against a real emulator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import Queue
from google.protobuf.field_mask_pb2 import FieldMask
from typer.testing import CliRunner, Result

from cli.queues import app
from contracts import Conversation, DeveloperWebhook, MemoryCreated, Structured, TaskRegistry, load_catalog
from producers import Producer, ProducerSettings
from tests.emulator_fixture import PARENT, RunningEmulator, running_emulator

CATALOG = Path("infra/terraform/queues.yaml")


@pytest.fixture
async def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningEmulator]:
    catalog = await asyncio.to_thread(load_catalog, CATALOG)
    async with running_emulator(catalog, tmp_path) as running:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", running.addresses.tasks)
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", running.addresses.pubsub)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("NO_COLOR", "1")
        yield running


async def run(*words: str, typed: str = "") -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, words, input=typed))


async def test_queues_are_listed_paused_and_resumed(emulator: RunningEmulator) -> None:
    lines = (await run("list", "--json")).stdout.splitlines()
    listed = {status["name"]: status for status in map(json.loads, lines)}
    assert listed["developer-webhooks-retry"]["state"] == "RUNNING"
    assert {tuple(status["differs"]) for status in listed.values()} == {()}
    assert "PAUSED" in (await run("pause", "developer-webhooks")).stdout
    queue = await emulator.tasks.get_queue(name=f"{PARENT}/queues/developer-webhooks")
    assert queue.state is Queue.State.PAUSED
    assert "PAUSED" in (await run("list")).stdout
    assert "RUNNING" in (await run("resume", "developer-webhooks")).stdout


async def test_a_queue_that_is_missing_or_differs_is_told(emulator: RunningEmulator) -> None:
    await emulator.tasks.delete_queue(name=f"{PARENT}/queues/notifications")
    name = f"{PARENT}/queues/developer-webhooks"
    queue = Queue(name=name, rate_limits={"max_dispatches_per_second": 7})
    await emulator.tasks.update_queue(
        queue=queue, update_mask=FieldMask(paths=["rate_limits.max_dispatches_per_second"])
    )
    lines = (await run("list", "--json")).stdout.splitlines()
    listed = {status["name"]: status for status in map(json.loads, lines)}
    assert listed["notifications"]["state"] == "MISSING"
    assert listed["developer-webhooks"]["differs"] == ["max_dispatches_per_second"]


async def test_a_purge_asks_for_the_name(emulator: RunningEmulator, load_tasks: None) -> None:
    assert "3 tasks" in (await run("show", "developer-webhooks")).stdout
    refused = await run("purge", "developer-webhooks", typed="developer\n")
    assert refused.exit_code == 1
    assert "nothing was purged" in refused.output
    assert "3 tasks" in (await run("show", "developer-webhooks")).stdout
    assert (await run("purge", "developer-webhooks", typed="developer-webhooks\n")).exit_code == 0
    assert await emulator.task_names("developer-webhooks") == []


@pytest.fixture
async def load_tasks(emulator: RunningEmulator) -> None:
    """Three tasks wait."""
    catalog = await asyncio.to_thread(load_catalog, CATALOG)
    await emulator.pause(catalog)
    async with Producer(ProducerSettings(), catalog, TaskRegistry([DeveloperWebhook])) as producer:
        for number in range(3):
            conversation = Conversation(
                id=str(number), created_at="2026-01-01T00:00:00Z", structured=Structured(title="A")
            )
            await producer.enqueue(DeveloperWebhook(uid="u1", event=MemoryCreated(conversation=conversation)))


@pytest.mark.parametrize("command", ["show", "pause", "resume"])
async def test_a_queue_that_the_catalog_lacks_is_refused(emulator: RunningEmulator, command: str) -> None:
    result = await run(command, "nowhere")
    assert result.exit_code == 2
    assert "the catalog has no queue 'nowhere'" in result.output
