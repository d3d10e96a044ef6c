"""Waiting deliveries are found in the real emulator, started as the demo starts it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import grpc.aio
import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, HttpRequest, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from cli.demo.errors import UnexpectedAnswer
from cli.demo.processes import Processes
from cli.demo.services import LOCATION, PROJECT, EmulatorAddresses, Services
from cli.demo.waiting import WaitingTasks
from contracts import DaySummary, DeveloperWebhook, Envelope

NOW = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)


def envelope(uid: str) -> Envelope:
    event = DaySummary(date=NOW.date(), summary="A day.", summary_json={}, created_at=NOW)
    return Envelope.seal(DeveloperWebhook(uid=uid, event=event), accepted_at=NOW)


async def test_every_task_of_every_queue_is_found(tmp_path: Path) -> None:
    services = Services(data=tmp_path)
    async with Processes(tmp_path / "logs") as processes:
        emulator = await EmulatorAddresses.of(await processes.start(services.emulator_service()))
        async with grpc.aio.insecure_channel(emulator.tasks) as channel:
            client = CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
            for uid, queue in (("u1", "developer-webhooks"), ("u2", "developer-webhooks-realtime-retry")):
                parent = client.queue_path(PROJECT, LOCATION, queue)
                await client.pause_queue(name=parent)
                request = HttpRequest(url=f"http://{services.handlers}/tasks/t", body=envelope(uid).encode())
                await client.create_task(parent=parent, task=Task(http_request=request))
        async with WaitingTasks(emulator.tasks, project=PROJECT, location=LOCATION) as waiting:
            found = await waiting.delivery_ids()
            assert found == {envelope("u1").delivery_id, envelope("u2").delivery_id}
        await processes.kill("emulator")
        async with WaitingTasks(emulator.tasks, project=PROJECT, location=LOCATION, deadline=0.5) as waiting:
            with pytest.raises(UnexpectedAnswer, match=f"cannot list the tasks at {emulator.tasks}"):
                await waiting.delivery_ids()
